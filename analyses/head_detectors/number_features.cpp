#include "analyses/head_detectors/number_features.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <ATen/ops/eye.h>

#include "lib/tensor/dense.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kBase = 10;
constexpr std::int64_t kFolds = 5;
constexpr double kRidge = 1e-2;  // of the mean squared length of a row

// Weights [n, n] such that weights · targets are the ridge regression's dual coefficients.
Tensor predictions(const Tensor& train, const Tensor& targets, const Tensor& test) {
  const Tensor middle = train.mean(0, true);
  const Tensor x = train - middle;
  const Tensor gram = at::matmul(x, x.t());
  const Tensor ridge = at::eye(x.size(0), gram.options()) * (gram.diagonal().mean() * kRidge);
  const Tensor dual = solve_symmetric(gram + ridge, targets);
  return at::matmul(at::matmul(test - middle, x.t()), dual);
}

Tensor class_means(const Tensor& rows) {
  std::vector<Tensor> means;
  for (std::int64_t digit = 0; digit < kBase; ++digit) {
    means.push_back(rows.slice(0, digit, rows.size(0), kBase).mean(0));
  }
  return at::stack(means);
}

// The number nearest to `index` that ends in `digit`, below `count`; −1: two are as near.
std::int64_t nearest(std::int64_t index, std::int64_t digit, std::int64_t count) {
  std::int64_t best = -1;
  std::int64_t least = count;
  for (std::int64_t n = digit; n < count; n += kBase) {
    const std::int64_t away = std::abs(n - index);
    best = away < least ? n : away == least ? -1 : best;
    least = std::min(least, away);
  }
  return best;
}

}  // namespace

double mod10_probe(const Tensor& rows) {
  const Tensor x = rows.to(at::kCPU, at::kDouble);
  const Tensor index = at::arange(x.size(0), at::kLong);
  const Tensor digit = index.remainder(kBase);
  const Tensor fold = index.floor_divide(kBase).remainder(kFolds);
  const Tensor targets = at::eye(kBase, at::kDouble).index_select(0, digit);
  double right = 0.0;
  for (std::int64_t held = 0; held < kFolds; ++held) {
    const Tensor out = fold.eq(held).nonzero().squeeze(1);
    const Tensor in = fold.ne(held).nonzero().squeeze(1);
    if (out.size(0) == 0) {
      continue;
    }
    const Tensor guess =
        predictions(x.index_select(0, in), targets.index_select(0, in), x.index_select(0, out))
            .argmax(1);
    right += guess.eq(digit.index_select(0, out)).sum().item<double>();
  }
  return right / static_cast<double>(x.size(0));
}

double mod10_arithmetic(const Tensor& rows, const std::function<Tensor(const Tensor&)>& logits_of) {
  const Tensor means = class_means(rows);
  const std::int64_t count = rows.size(0);
  double right = 0.0;
  double tried = 0.0;
  for (std::int64_t j = 0; j < kBase; ++j) {
    const Tensor moved =
        rows + means[j] - means.repeat({(count + kBase - 1) / kBase, 1}).narrow(0, 0, count);
    const Tensor best = logits_of(moved).argmax(1).to(at::kCPU);
    for (std::int64_t i = kBase; i < count; ++i) {
      const std::int64_t want = nearest(i, (j + 1) % kBase, count);
      if (i % kBase != j && want >= 0) {
        tried += 1.0;
        right += best[i].item<std::int64_t>() == want ? 1.0 : 0.0;
      }
    }
  }
  return tried > 0 ? right / tried : 0.0;
}

}  // namespace headscope
