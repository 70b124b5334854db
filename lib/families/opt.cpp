// OPT (Zhang et al. 2022, arXiv:2205.01068): learned positions whose table begins two rows early,
// ReLU, norms before attention and MLP, or (OPT-350m) of every sum.
#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

constexpr std::int64_t kRowsBeforeFirst = 2;  // transformers' OPTLearnedPositionalEmbedding

void read_opt_norms(ConfigFields& f, ModelConfig& c) {
  const bool before = f.flag("do_layer_norm_before", true);
  const bool removed = f.flag("_remove_final_layer_norm", false);
  c.norm = Norm::layer_norm;
  c.norm_placement = before ? NormPlacement::pre : NormPlacement::after_sum;
  c.has_final_norm = before && !removed;
  c.norm_parameters =
      f.flag("layer_norm_elementwise_affine", true) ? NormParameters::all : NormParameters::none;
}

ModelConfig opt_config(ConfigFields& f) {
  ModelConfig c;
  c.n_layers = read_layer_count(f, "num_hidden_layers");
  c.d_model = f.integer("hidden_size");
  c.n_heads = c.n_kv_heads = f.integer("num_attention_heads");
  c.d_head = c.d_model / std::max<std::int64_t>(1, c.n_heads);
  const std::int64_t d_embed = f.optional_integer("word_embed_proj_dim", c.d_model);
  c.d_embed = d_embed == c.d_model ? 0 : d_embed;
  c.d_mlp = f.integer("ffn_dim");
  c.d_vocab = f.integer("vocab_size");
  c.n_ctx = f.integer("max_position_embeddings", 2048);
  c.first_position_row = kRowsBeforeFirst;
  read_opt_norms(f, c);
  c.activation = read_activation(f, "activation_function", "relu");
  c.mlp = Mlp::plain;
  c.positions = Positions::learned;
  c.qkv_bias = c.out_bias = c.mlp_bias = f.flag("enable_bias", true);
  c.tied_embeddings = f.flag("tie_word_embeddings", true);
  c.attn_scale = 1.0 / std::sqrt(static_cast<double>(c.d_head));
  c.layers.resize(static_cast<std::size_t>(c.n_layers));
  f.ignore({"dropout", "init_std", "layerdrop"});
  return c;
}

WeightRules opt_rules(const ModelConfig& c, Naming) {
  const std::string d = "model.decoder.";
  const std::string at = d + "layers.{l}.";
  WeightRules rules;
  rules.model = {{"W_E", d + "embed_tokens.weight"}, {"W_pos", d + "embed_positions.weight"}};
  if (c.norm_parameters == NormParameters::all) {
    for (const auto& [norm, source] :
         {std::pair{"ln1", "self_attn_layer_norm"}, std::pair{"ln2", "final_layer_norm"}}) {
      rules.block.push_back({fmt::format("{}.w", norm), at + source + ".weight"});
      rules.block.push_back({fmt::format("{}.b", norm), at + source + ".bias"});
    }
    if (c.has_final_norm) {
      rules.model.push_back({"ln_final.w", d + "final_layer_norm.weight"});
      rules.model.push_back({"ln_final.b", d + "final_layer_norm.bias"});
    }
  }
  const std::pair<const char*, const char*> linear[] = {{"attn.{}_Q", "self_attn.q_proj"},
                                                        {"attn.{}_K", "self_attn.k_proj"},
                                                        {"attn.{}_V", "self_attn.v_proj"},
                                                        {"attn.{}_O", "self_attn.out_proj"},
                                                        {"mlp.{}_in", "fc1"},
                                                        {"mlp.{}_out", "fc2"}};
  for (const auto& [target, source] : linear) {
    rules.block.push_back({fmt::format(fmt::runtime(target), "W"), at + source + ".weight"});
    if (c.mlp_bias) {
      rules.block.push_back({fmt::format(fmt::runtime(target), "b"), at + source + ".bias"});
    }
  }
  if (c.d_embed != 0) {
    rules.model.push_back({"W_embed_in", d + "project_in.weight"});
    rules.model.push_back({"W_embed_out", d + "project_out.weight"});
  }
  add_head(rules, c, "lm_head.weight");
  return rules;
}

}  // namespace

Family opt_family() {
  return {.name = "opt",
          .architectures = {"OPTForCausalLM"},
          .gguf = {},
          .model_types = {"opt"},
          .config = opt_config,
          .rules = opt_rules};
}

}  // namespace headscope
