#include "lib/model/memory_need.h"

#include <algorithm>

namespace headscope {

std::int64_t enough_tokens(const Device& device, PassDirection direction) {
  if (!device.is_cuda()) {
    return 2048;
  }
  return direction == PassDirection::forwards ? 128 << 10 : 32 << 10;
}

bool forms_scores(const ModelConfig& config) {
  const auto says = [](const LayerConfig& layer) {
    return !layer.head_scale.empty() || !layer.alibi.empty();
  };
  return config.score_softcap > 0 || std::any_of(config.layers.begin(), config.layers.end(), says);
}

bool forms_scores(const Model& model) {
  for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
    if (forms_scores(model.attention(layer))) {
      return true;
    }
  }
  return false;
}

std::int64_t gradient_elements(const ModelConfig& config) {
  const std::int64_t heads = (config.n_heads + 2 * config.n_kv_heads) * config.d_head;
  return 40 * config.d_model + 16 * heads + 12 * config.d_mlp;
}

}  // namespace headscope
