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

Tensor entering_next_block(const Model& model, std::int64_t layer, const Tensor& resid_post) {
  const ModelConfig& c = model.config();
  if (c.norm_placement != NormPlacement::after_sum) {
    return resid_post;
  }
  const NormWeights& ln2 = model.weights().blocks.at(static_cast<std::size_t>(layer)).ln2;
  return normalize(resid_post, ln2, c.norm, c.norm_eps);
}

}  // namespace headscope
