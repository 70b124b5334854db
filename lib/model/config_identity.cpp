// A model config as JSON: part of the identity that traces and results are known by.
#include <algorithm>

#include "lib/base/json.h"
#include "lib/model/config.h"
#include "lib/model/per_head.h"

namespace headscope {
namespace {

// The settings of dynamic, yarn and longrope.
void add_stretched(Json& json, const RopeScaling& scaling) {
  if (scaling.kind < RopeScaling::Kind::dynamic) {
    return;
  }
  json["original_context"] = scaling.original_context;
  json["attention_factor"] = scaling.attention_factor;
  if (scaling.kind == RopeScaling::Kind::yarn) {
    json["beta_fast"] = scaling.beta_fast;
    json["beta_slow"] = scaling.beta_slow;
    json["truncate"] = scaling.truncate;
  }
  if (!scaling.long_divisors.empty()) {
    json["long_divisors"] = scaling.long_divisors;
  }
}

Json to_json(const Rope& rope) {
  static constexpr const char* kKinds[] = {
      "none", "linear", "llama3", "divisors", "dynamic", "yarn", "longrope"};
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
  if (!rope.scaling.divisors.empty()) {
    json["divisors"] = rope.scaling.divisors;
  }
  if (rope.pairs == RopePairs::adjacent) {
    json["pairs"] = "adjacent";
  }
  add_stretched(json, rope.scaling);
  return json;
}

Json to_json(const Experts& experts) {
  const bool all_first = experts.weighting == Experts::Weighting::softmax_then_top;
  return {{"count", experts.count},
          {"chosen", experts.chosen},
          {"d_expert", experts.d_expert},
          {"weighting", all_first ? "softmax_then_top" : "top_then_softmax"},
          {"renormalized", experts.renormalized},
          {"router_bias", experts.router_bias},
          {"biases", experts.biases},
          {"limit", experts.limit},
          {"gate_slope", experts.gate_slope}};
}

// A field of every layer, as a list.
template <typename T>
Json of_layers(const ModelConfig& c, T LayerConfig::*field) {
  Json list = Json::array();
  for (const LayerConfig& layer : c.layers) {
    list.push_back(layer.*field);
  }
  return list;
}

// The same for what few families have.
void add_rarest_fields(Json& json, const ModelConfig& c) {
  const ModelConfig usual;
  const auto add = [&](const char* name, const auto& value, const auto& ordinary) {
    if (value != ordinary) {
      json[name] = value;
    }
  };
  static constexpr const char* kParameters[] = {"all", "gain", "none"};
  static constexpr const char* kQkNorms[] = {"none", "per_head", "whole", "layer_norm"};
  add("norm_parameters", std::string(kParameters[static_cast<int>(c.norm_parameters)]), "all");
  if (c.qk_norm > QkNorm::per_head) {
    json["qk_norm"] = kQkNorms[static_cast<int>(c.qk_norm)];
  }
  add("qk_norm_bias", c.qk_norm_bias, false);
  add("head", std::string(c.head == OutputHead::plain ? "plain" : "masked_lm"), "plain");
  add("embed_norm", c.embed_norm, false);
  add("has_final_norm", c.has_final_norm, true);
  add("shared_norm", c.shared_norm, false);
  add("score_scale_of_layer",
      of_layers(c, &LayerConfig::score_scale),
      Json(std::vector<double>(c.layers.size(), 1.0)));
  add("n_token_types", c.n_token_types, usual.n_token_types);
  add("d_embed", c.d_embed, usual.d_embed);
  add("first_position_row", c.first_position_row, usual.first_position_row);
  add("unplaced_token", c.unplaced_token, usual.unplaced_token);
  add("clip_qkv", c.clip_qkv, usual.clip_qkv);
  add("written_scale", c.written_scale, usual.written_scale);
  add("logit_scale", c.logit_scale, usual.logit_scale);
  add("attention_sinks", c.attention_sinks, false);
  if (c.experts.count > 0) {
    json["experts"] = to_json(c.experts);
    Json layers = Json::array();
    for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
      layers.push_back(has_experts(c, layer));
    }
    json["experts_of_layer"] = layers;
  }
}

// Fields that only some models have: named where they say something.
void add_rare_fields(Json& json, const ModelConfig& c) {
  if (!has_mlp(c)) {
    json["mlp"] = "none";
  }
  if (c.normalizer != PatternNormalizer::softmax) {
    json["normalizer"] = "relu";
  }
  if (c.unembed_bias) {
    json["unembed_bias"] = true;
  }
  Json visibility = Json::array();
  for (const LayerConfig& layer : c.layers) {
    visibility.push_back(layer.visibility == Visibility::causal ? "causal" : "full");
  }
  if (!is_causal(c)) {
    json["visibility_of_layer"] = visibility;
  }
  for (const PerHead& each : kPerHead) {
    const auto given = [&](const LayerConfig& layer) { return !(layer.*each.values).empty(); };
    if (std::any_of(c.layers.begin(), c.layers.end(), given)) {
      json[std::string(each.name) + "_of_layer"] = of_layers(c, each.values);
    }
  }
}

}  // namespace

Json to_json(const ModelConfig& c) {
  static constexpr const char* kNorms[] = {"layer", "rms", "none"};
  static constexpr const char* kPlacements[] = {"pre", "sandwich", "post", "after_sum"};
  static constexpr const char* kActivations[] = {"gelu", "gelu_tanh", "silu", "relu"};
  static constexpr const char* kPositions[] = {"learned", "rotary", "none"};
  Json ropes = Json::array();
  for (const Rope& rope : c.ropes) {
    ropes.push_back(to_json(rope));
  }
  Json json = {{"family", c.family},
               {"architecture", c.architecture},
               {"n_layers", c.n_layers},
               {"d_model", c.d_model},
               {"n_heads", c.n_heads},
               {"n_kv_heads", c.n_kv_heads},
               {"d_head", c.d_head},
               {"d_mlp", c.d_mlp},
               {"d_vocab", c.d_vocab},
               {"n_ctx", c.n_ctx},
               {"norm", kNorms[static_cast<int>(c.norm)]},
               {"norm_eps", c.norm_eps},
               {"norm_placement", kPlacements[static_cast<int>(c.norm_placement)]},
               {"block_order", c.block_order == BlockOrder::sequential ? "sequential" : "parallel"},
               {"activation", kActivations[static_cast<int>(c.activation)]},
               {"gated_mlp", c.mlp == Mlp::gated},
               {"positions", kPositions[static_cast<int>(c.positions)]},
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
               {"rope_of_layer", of_layers(c, &LayerConfig::rope)},
               {"window_of_layer", of_layers(c, &LayerConfig::window)}};
  add_rare_fields(json, c);
  add_rarest_fields(json, c);
  return json;
}

}  // namespace headscope
