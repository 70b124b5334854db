#include "lib/model/attention_spec.h"

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor number_a_head(const std::vector<double>& values, const at::Device& device) {
  if (values.empty()) {
    return {};
  }
  Tensor out = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
  for (std::size_t i = 0; i < values.size(); ++i) {
    out.data_ptr<float>()[i] = static_cast<float>(values[i]);
  }
  return out.to(device);
}

// A learned tensor [n_heads, …] of `dimensions` axes.
Tensor learned_a_head(const Tensor& weight,
                      std::int64_t n_heads,
                      std::int64_t dimensions,
                      const char* name,
                      const at::Device& device) {
  if (!weight.defined()) {
    return {};
  }
  if (weight.dim() != dimensions || weight.size(0) != n_heads || weight.numel() == 0) {
    throw DataError("{} of attention is {}, not one {} a head for {} heads",
                    name,
                    fmt::join(weight.sizes(), "×"),
                    dimensions == 1 ? "number" : "row",
                    n_heads);
  }
  return weight.to(device, at::kFloat);
}

}  // namespace

AttentionSpec attention_spec(const ModelConfig& config,
                             const BlockWeights& block,
                             std::int64_t layer,
                             const at::Device& device) {
  if (config.normalizer != PatternNormalizer::softmax && block.sinks.defined()) {
    throw DataError("sinks of attention are part of a softmax, but this model's patterns are none");
  }
  const LayerConfig& of_layer = config.layers.at(static_cast<std::size_t>(layer));
  return {.scale = config.attn_scale * of_layer.score_scale,
          .head_scale = number_a_head(of_layer.head_scale, device),
          .softcap = config.score_softcap,
          .window = of_layer.window,
          .visibility = of_layer.visibility,
          .normalizer = config.normalizer,
          .alibi = number_a_head(of_layer.alibi, device),
          .key_slopes = number_a_head(of_layer.key_slopes, device),
          .distance_bias =
              learned_a_head(block.distance_bias, config.n_heads, 2, "distance_bias", device),
          .sinks = learned_a_head(block.sinks, config.n_heads, 1, "sinks", device)};
}

}  // namespace headscope
