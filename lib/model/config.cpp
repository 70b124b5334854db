#include "lib/model/config.h"

#include <algorithm>

namespace headscope {

HeadGrid head_grid(const ModelConfig& config) {
  return {config.n_layers, config.n_heads};
}

HeadGrid kv_head_grid(const ModelConfig& config) {
  return {config.n_layers, config.n_kv_heads};
}

bool has_mlp(const ModelConfig& config) {
  return config.mlp != Mlp::none;
}

bool has_dense_mlp(const ModelConfig& config) {
  const auto dense = [](const LayerConfig& layer) { return layer.mlp == LayerMlp::dense; };
  return has_mlp(config) && std::any_of(config.layers.begin(), config.layers.end(), dense);
}

bool has_resid_mid(const ModelConfig& config) {
  return has_mlp(config) && config.block_order == BlockOrder::sequential;
}

Norm norm_before(const ModelConfig& config) {
  const NormPlacement placement = config.norm_placement;
  const bool before = placement == NormPlacement::pre || placement == NormPlacement::sandwich;
  return before ? config.norm : Norm::none;
}

bool has_post_norm(const ModelConfig& config) {
  return config.norm_placement == NormPlacement::sandwich ||
         config.norm_placement == NormPlacement::post;
}

bool has_experts(const ModelConfig& config, std::int64_t layer) {
  return config.layers.at(static_cast<std::size_t>(layer)).mlp == LayerMlp::experts;
}

bool has_rope(const ModelConfig& config, std::int64_t layer) {
  return config.positions == Positions::rotary &&
         config.layers.at(static_cast<std::size_t>(layer)).rope != kNoRope;
}

bool is_causal(const ModelConfig& config) {
  return std::all_of(config.layers.begin(), config.layers.end(), [](const LayerConfig& layer) {
    return layer.visibility == Visibility::causal;
  });
}

std::string why_no_sum(const ModelConfig& config) {
  if (config.norm_placement == NormPlacement::after_sum) {
    return "it normalises the stream after every sum, so what a head or an MLP writes does not "
           "reach the logits as a term of its own";
  }
  return "";
}

}  // namespace headscope
