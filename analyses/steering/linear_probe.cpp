#include "analyses/steering/linear_probe.h"

#include <cmath>

#include <ATen/ops/sigmoid.h>

#include "lib/tensor/dense.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr int kMostSteps = 50;
constexpr double kSmallStep = 1e-8;

Tensor zero_or_one(const std::vector<bool>& positive) {
  std::vector<double> values;
  for (const bool one : positive) {
    values.push_back(one ? 1.0 : 0.0);
  }
  return at::tensor(values, at::kDouble);
}

}  // namespace

LinearProbe fit_probe(const Tensor& x, const std::vector<bool>& positive, double ridge) {
  const Tensor mean = x.mean(0);
  const Tensor centred = x - mean;
  const double unit = std::sqrt(centred.pow(2).mean().item<double>());
  const std::int64_t d = x.size(1);
  if (unit == 0.0) {
    return {at::zeros({d}, at::kDouble), 0.0};
  }
  const Tensor rows = at::cat({centred / unit, at::ones({x.size(0), 1}, at::kDouble)}, 1);
  const Tensor y = zero_or_one(positive);
  Tensor penalty = at::full({d + 1}, ridge, at::kDouble);
  penalty[d].fill_(0.0);
  Tensor w = at::zeros({d + 1}, at::kDouble);
  for (int step = 0; step < kMostSteps; ++step) {
    const Tensor p = at::sigmoid(rows.matmul(w));
    const Tensor slope = rows.t().matmul(p - y) + penalty * w;
    const Tensor curve = (rows * (p * (1.0 - p)).unsqueeze(1)).t().matmul(rows) + penalty.diag();
    const Tensor change = solve_symmetric(curve, slope.unsqueeze(1)).squeeze(1);
    w = w - change;
    if (change.abs().max().item<double>() < kSmallStep) {
      break;
    }
  }
  const Tensor weight = w.narrow(0, 0, d) / unit;
  return {weight, w[d].item<double>() - weight.dot(mean).item<double>()};
}

double accuracy_of(const LinearProbe& probe, const Tensor& x, const std::vector<bool>& positive) {
  const Tensor side = x.matmul(probe.weight) + probe.bias;
  std::int64_t right = 0;
  for (std::size_t i = 0; i < positive.size(); ++i) {
    right += (side[static_cast<std::int64_t>(i)].item<double>() > 0.0) == positive[i] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(positive.size());
}

}  // namespace headscope
