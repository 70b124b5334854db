#include "lib/model/post_norm.h"

#include "lib/model/norm.h"
#include "lib/tensor/ops.h"

namespace headscope {

const NormWeights* post_attention_norm(const Model& model, std::int64_t layer) {
  if (!has_post_norm(model.config())) {
    return nullptr;
  }
  return &model.weights().blocks.at(static_cast<std::size_t>(layer)).ln1_post;
}

Tensor after_attention_norm(const Model& model, std::int64_t layer, const Tensor& written) {
  const NormWeights* norm = post_attention_norm(model, layer);
  const ModelConfig& c = model.config();
  return norm == nullptr ? written : normalize(written.to(at::kFloat), *norm, c.norm, c.norm_eps);
}

Tensor with_attention_gain(const Model& model, std::int64_t layer, const Tensor& written) {
  const NormWeights* norm = post_attention_norm(model, layer);
  return norm == nullptr ? written : with_gain(written, *norm);
}

namespace {

// A sum of the stream behind a block's attention or MLP, through the norm that follows such sums.
Tensor normed_sum(const Model& model,
                  std::int64_t layer,
                  NormWeights BlockWeights::*norm,
                  const Tensor& sum) {
  const ModelConfig& c = model.config();
  if (c.norm_placement != NormPlacement::after_sum) {
    return sum;
  }
  return normalize(
      sum, model.weights().blocks.at(static_cast<std::size_t>(layer)).*norm, c.norm, c.norm_eps);
}

}  // namespace

Tensor stream_after_attention(const Model& model, std::int64_t layer, const Tensor& sum) {
  return normed_sum(model, layer, &BlockWeights::ln1, sum);
}

Tensor entering_next_block(const Model& model, std::int64_t layer, const Tensor& resid_post) {
  return normed_sum(model, layer, &BlockWeights::ln2, resid_post);
}

}  // namespace headscope
