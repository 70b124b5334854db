#include "analyses/head_detectors/head_weights.h"

#include "lib/model/norm.h"
#include "lib/model/post_norm.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// weight […, d_model, n], read behind a block's norm.
Tensor reads(const Tensor& weight, const NormWeights& norm, const ModelConfig& c) {
  const Tensor wide = weight.to(at::kFloat);
  const Tensor scaled = with_gain(wide.transpose(-2, -1), norm).transpose(-2, -1);
  return norm_before(c) == Norm::layer_norm ? scaled - scaled.mean(-2, true) : scaled;
}

Tensor once_a_head(const Tensor& by_group, const ModelConfig& c) {
  return by_group.repeat_interleave(c.heads_per_kv(), 0);
}

}  // namespace

HeadWeights head_weights(const Model& model, std::int64_t layer) {
  const ModelConfig& c = model.config();
  const BlockWeights& block = model.weights().blocks.at(static_cast<std::size_t>(layer));
  return {reads(model.W_Q(layer), block.ln1, c),
          once_a_head(reads(model.W_K(layer), block.ln1, c), c),
          once_a_head(reads(model.W_V(layer), block.ln1, c), c),
          with_attention_gain(model, layer, model.W_O(layer).to(at::kFloat))};
}

Tensor folded_unembedding(const Model& model) {
  const Weights& weights = model.weights();
  const Tensor scaled = with_gain(weights.W_U.to(at::kFloat), weights.ln_final);
  return model.config().norm == Norm::layer_norm ? scaled - scaled.mean(-1, true) : scaled;
}

Tensor embedding(const Model& model) {
  const Tensor rows = model.weights().W_E;
  const ModelConfig& c = model.config();
  Tensor embedded = rows;
  if (c.embed_scale != 1.0) {
    embedded = rows * at::scalar_tensor(c.embed_scale, rows.options());
  }
  embedded = embedded.to(at::kFloat);
  return c.embed_norm ? normalize(embedded, model.weights().ln_embed, c.norm, c.norm_eps)
                      : embedded;
}

}  // namespace headscope
