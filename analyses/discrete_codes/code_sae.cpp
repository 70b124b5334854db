#include "analyses/discrete_codes/code_sae.h"

#include <cmath>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/tensor/adam.h"
#include "lib/tensor/gaussian.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor of_norm_one(const Tensor& rows) {
  return rows / rows.pow(2).sum(1, true).sqrt();
}

CodeSae initial_weights(std::int64_t d, const CodeSaeOptions& options, const Tensor& like) {
  Random random(options.seed, "code biases");
  Tensor b_e = at::empty({options.codes}, at::kFloat);
  const double bound = 1.0 / std::sqrt(static_cast<double>(d));
  for (std::int64_t i = 0; i < options.codes; ++i) {
    const double unit = static_cast<double>(random.next() >> 11) * 0x1.0p-53;
    b_e.mutable_data_ptr<float>()[i] = static_cast<float>(bound * (2.0 * unit - 1.0));
  }
  const Tensor W_e = of_norm_one(gaussian({options.codes, d}, options.seed, 1)).t().contiguous();
  const Tensor W_d = of_norm_one(gaussian({options.codes, d}, options.seed, 2));
  return {W_e.to(like.device()),
          b_e.to(like.device()),
          W_d.to(like.device()),
          at::zeros({d}, like.options())};
}

// Gradients in the order W_e, b_e, W_d, b, written out: four products a step, no graph.
std::vector<Tensor> gradients_of_loss(const CodeSae& sae, const Tensor& x, double l1) {
  const auto vectors = static_cast<double>(x.size(0));
  const Tensor centred = x - sae.b;
  const Tensor f = at::relu(at::addmm(sae.b_e, centred, sae.W_e));
  const Tensor d_out = (at::addmm(sae.b, f, sae.W_d) - x) * (2.0 / static_cast<double>(x.numel()));
  const Tensor d_pre = (at::matmul(d_out, sae.W_d.t()) + l1 / vectors) * (f > 0).to(at::kFloat);
  Tensor d_W_d = at::matmul(f.t(), d_out);
  const Tensor rows = of_norm_one(sae.W_d);
  d_W_d = d_W_d - (d_W_d * rows).sum(1, true) * rows;
  const Tensor d_b_e = d_pre.sum(0);
  return {at::matmul(centred.t(), d_pre), d_b_e, d_W_d, d_out.sum(0) - at::matmul(sae.W_e, d_b_e)};
}

}  // namespace

Tensor CodeSae::encode(const Tensor& x) const {
  return at::relu(at::matmul(x - b, W_e) + b_e);
}

Tensor CodeSae::decode(const Tensor& f) const {
  return at::matmul(f, W_d) + b;
}

double code_sae_loss(const CodeSae& sae, const Tensor& x, double l1) {
  const Tensor f = sae.encode(x);
  const Tensor error = (sae.decode(f) - x).to(at::kDouble).pow(2).mean();
  return (error + l1 * f.to(at::kDouble).sum(-1).mean()).item<double>();
}

CodeSae train_code_sae(const Tensor& x, const CodeSaeOptions& options) {
  CodeSae sae = initial_weights(x.size(1), options, x);
  Tensor* const weights[] = {&sae.W_e, &sae.b_e, &sae.W_d, &sae.b};
  std::vector<Adam> steps;
  for (const Tensor* weight : weights) {
    steps.emplace_back(*weight, Adam::Options{.rate = options.learning_rate});
  }
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    if (options.stop && options.stop()) {
      throw Interrupted();
    }
    const std::vector<Tensor> gradients = gradients_of_loss(sae, x, options.l1);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      *weights[i] = steps[i].step(*weights[i], gradients[i]);
    }
  }
  return sae;
}

Tensor codes_of(const CodeSae& sae, const Tensor& x) {
  return sae.encode(x).argmax(-1);  // the first of equal ones: 0 where all are 0
}

}  // namespace headscope
