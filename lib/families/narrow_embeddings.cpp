#include "lib/families/narrow_embeddings.h"

#include "lib/tensor/ops.h"

namespace headscope {

ModelConfig widened(ModelConfig config) {
  if (config.d_embed != 0) {
    config.d_embed = 0;
    config.tied_embeddings = false;
  }
  return config;
}

void widen_embeddings(Weights& weights, ModelConfig& config) {
  if (config.d_embed == 0) {
    return;
  }
  const auto product = [](const Tensor& rows, const Tensor& map) {
    return at::matmul(rows.to(at::kFloat), map.to(at::kFloat)).to(rows.scalar_type());
  };
  weights.W_U = product(weights.W_U, weights.W_embed_out);
  weights.W_E = product(weights.W_E, weights.W_embed_in.t());
  weights.W_embed_in = weights.W_embed_out = Tensor();
  config = widened(config);
}

}  // namespace headscope
