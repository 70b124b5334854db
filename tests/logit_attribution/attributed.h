// Tiny models taken apart, for the tests of direct logit attribution.
#pragma once

#include <algorithm>
#include <cmath>

#include "analyses/logit_attribution/logit_attribution.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/sweep/tasks_of_tokens.h"

namespace headscope::test {

inline Task task_of(const Model& model, const std::vector<std::int64_t>& lengths) {
  return random_task({.lengths = lengths,
                      .differ_from = {4, 6, 3, 7},
                      .d_vocab = model.config().d_vocab,
                      .seed = 5});
}

// Fixtures' gains are all but 1, their biases small, and none has b_U: what a forgotten γ or b_O
// changes would hide. Everything the sum must account for is made large, the soft-cap is taken off.
inline Model marked(const Model& model) {
  return altered(model, [](ModelConfig& config, Weights& weights) {
    config.logit_softcap = 0;
    const auto wave = [](const Tensor& like, double step, double mean) {
      return (at::arange(like.numel(), like.options().dtype(at::kFloat)) * step).sin() * 0.5 + mean;
    };
    const auto remake = [&](Tensor& tensor, double step, double mean) {
      tensor = tensor.defined() ? wave(tensor, step, mean).to(tensor.scalar_type()) : tensor;
    };
    remake(weights.ln_final.gain, 0.7, 1.0);
    remake(weights.ln_final.bias, 0.4, 0.1);
    weights.b_U = wave(at::zeros({config.d_vocab}), 0.3, 0.2);
    for (BlockWeights& block : weights.blocks) {
      remake(block.b_O, 0.9, 0.3);
      remake(block.ln1_post.gain, 1.1, 0.8);
      remake(block.ln2_post.gain, 1.3, 0.8);
    }
  });
}

inline double logit_of(const Tensor& logits, std::int64_t row, const std::vector<TokenId>& ids) {
  double sum = 0.0;
  for (const TokenId id : ids) {
    sum += logits[row][id].item<double>();
  }
  return sum / static_cast<double>(ids.size());
}

inline double logit_diff(const Tensor& logits, std::int64_t row, const TaskItem& item) {
  return logit_of(logits, row, item.answers) - logit_of(logits, row, item.wrong);
}

inline LogitAttribution attributed(const Model& model,
                                   const std::vector<TaskItem>& items,
                                   const LogitAttributionOptions& options = {}) {
  auto result = attribute_logits(model, items, options);
  REQUIRE(result);
  return *result;
}

inline double sum_of(const LogitAttribution& result, std::size_t item) {
  double sum = 0.0;
  for (std::size_t i = item; i < result.shares.size(); i += result.clean.size()) {
    sum += std::isnan(result.shares[i]) ? 0.0 : result.shares[i];
  }
  return sum;
}

inline double share_of(const LogitAttribution& result, std::int64_t cell, std::size_t item) {
  return result.shares[static_cast<std::size_t>(cell) * result.clean.size() + item];
}

inline bool close(double got, double want) {
  return std::abs(got - want) <= 1e-4 * std::max(1.0, std::abs(want));
}

inline Tensor run_alone(const Model& model, const std::vector<TokenId>& tokens) {
  return model.forward(Batch({tokens}), {.logits = Logits::last}).logits;
}

}  // namespace headscope::test
