#include "lib/model/config.h"

#include "lib/base/error.h"

namespace headscope {
namespace {

Json to_json(const Rope& rope) {
  static constexpr const char* kKinds[] = {"none", "linear", "llama3", "divisors"};
  Json json = {{"base", rope.base},
               {"dim", rope.dim},
               {"scaling", kKinds[static_cast<int>(rope.scaling.kind)]}};
  if (rope.scaling.kind != RopeScaling::Kind::none) {
    json["factor"] = rope.scaling.factor;
  }
  if (rope.scaling.kind == RopeScaling::Kind::llama3) {
    json["low_freq_factor"] = rope.scaling.low_freq_factor;
    json["high_freq_factor"] = rope.scaling.high_freq_factor;
    json["original_context"] = rope.scaling.original_context;
  }
  if (rope.scaling.kind == RopeScaling::Kind::divisors) {
    json["divisors"] = rope.scaling.divisors;
  }
  return json;
}

void check_positive(const ModelConfig& c) {
  const std::pair<const char*, std::int64_t> sizes[] = {{"n_layers", c.n_layers},
                                                        {"d_model", c.d_model},
                                                        {"n_heads", c.n_heads},
                                                        {"n_kv_heads", c.n_kv_heads},
                                                        {"d_head", c.d_head},
                                                        {"d_mlp", c.d_mlp},
                                                        {"d_vocab", c.d_vocab},
                                                        {"n_ctx", c.n_ctx}};
  for (const auto& [name, size] : sizes) {
    if (size <= 0 || size > (std::int64_t{1} << 31)) {
      throw DataError("model config: {} is {}; it must be between 1 and 2^31", name, size);
    }
  }
}

}  // namespace

Json to_json(const ModelConfig& c) {
  static constexpr const char* kActivations[] = {"gelu", "gelu_tanh", "silu", "relu"};
  Json ropes = Json::array();
  for (const Rope& rope : c.ropes) {
    ropes.push_back(to_json(rope));
  }
  Json windows = Json::array();
  Json rope_of_layer = Json::array();
  for (const LayerConfig& layer : c.layers) {
    windows.push_back(layer.window);
    rope_of_layer.push_back(layer.rope);
  }
  return {{"family", c.family},
          {"architecture", c.architecture},
          {"n_layers", c.n_layers},
          {"d_model", c.d_model},
          {"n_heads", c.n_heads},
          {"n_kv_heads", c.n_kv_heads},
          {"d_head", c.d_head},
          {"d_mlp", c.d_mlp},
          {"d_vocab", c.d_vocab},
          {"n_ctx", c.n_ctx},
          {"norm", c.norm == Norm::rms_norm ? "rms" : "layer"},
          {"norm_eps", c.norm_eps},
          {"norm_placement", c.norm_placement == NormPlacement::pre ? "pre" : "sandwich"},
          {"block_order", c.block_order == BlockOrder::sequential ? "sequential" : "parallel"},
          {"activation", kActivations[static_cast<int>(c.activation)]},
          {"gated_mlp", c.mlp == Mlp::gated},
          {"positions", c.positions == Positions::learned ? "learned" : "rotary"},
          {"qk_norm", c.qk_norm == QkNorm::per_head},
          {"qkv_bias", c.qkv_bias},
          {"out_bias", c.out_bias},
          {"mlp_bias", c.mlp_bias},
          {"tied_embeddings", c.tied_embeddings},
          {"attn_scale", c.attn_scale},
          {"score_softcap", c.score_softcap},
          {"logit_softcap", c.logit_softcap},
          {"embed_scale", c.embed_scale},
          {"ropes", ropes},
          {"rope_of_layer", rope_of_layer},
          {"window_of_layer", windows}};
}

void check(const ModelConfig& c) {
  check_positive(c);
  if (c.n_heads % c.n_kv_heads != 0) {
    throw DataError(
        "model config: {} heads cannot share {} KV heads evenly", c.n_heads, c.n_kv_heads);
  }
  for (const Rope& rope : c.ropes) {
    if (rope.dim <= 0 || rope.dim % 2 != 0 || rope.dim > c.d_head) {
      throw DataError("model config: rotary dimension {} must be even and at most d_head {}",
                      rope.dim,
                      c.d_head);
    }
    if (!rope.scaling.divisors.empty() &&
        static_cast<std::int64_t>(rope.scaling.divisors.size()) != rope.dim / 2) {
      throw DataError("model config: {} rotary divisors for {} frequencies",
                      rope.scaling.divisors.size(),
                      rope.dim / 2);
    }
  }
  if (static_cast<std::int64_t>(c.layers.size()) != c.n_layers) {
    throw DataError("model config: {} layer entries for {} layers", c.layers.size(), c.n_layers);
  }
  for (const LayerConfig& layer : c.layers) {
    if (layer.window < 0) {
      throw DataError("model config: attention window {} is negative", layer.window);
    }
    if (c.positions == Positions::rotary && layer.rope >= static_cast<int>(c.ropes.size())) {
      throw InternalError("layer uses rope {} of {}", layer.rope, c.ropes.size());
    }
  }
}

}  // namespace headscope
