// OPT (Zhang et al. 2022, arXiv:2205.01068): learned positions whose table begins two rows early,
// ReLU, norms before attention and MLP.
#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

constexpr std::int64_t kRowsBeforeFirst = 2;  // transformers' OPTLearnedPositionalEmbedding

// What OPT-350m and fine-tunes older than transformers 4.20 have, and headscope does not run.
void read_opt_rest(ConfigFields& f) {
  f.require("do_layer_norm_before", true);
  f.require("_remove_final_layer_norm", false);
  f.require("layer_norm_elementwise_affine", true);
  f.ignore({"dropout", "init_std", "layerdrop"});
}

ModelConfig opt_config(ConfigFields& f) {
  ModelConfig c;
  c.n_layers = read_layer_count(f, "num_hidden_layers");
  c.d_model = f.integer("hidden_size");
  c.n_heads = c.n_kv_heads = f.integer("num_attention_heads");
  c.d_head = c.d_model / std::max<std::int64_t>(1, c.n_heads);
  const std::int64_t d_embed = f.integer("word_embed_proj_dim", c.d_model);
  c.d_embed = d_embed == c.d_model ? 0 : d_embed;
  c.d_mlp = f.integer("ffn_dim");
  c.d_vocab = f.integer("vocab_size");
  c.n_ctx = f.integer("max_position_embeddings", 2048);
  c.first_position_row = kRowsBeforeFirst;
  c.norm = Norm::layer_norm;
  c.activation = read_activation(f, "activation_function", "relu");
  c.mlp = Mlp::plain;
  c.positions = Positions::learned;
  c.qkv_bias = c.out_bias = c.mlp_bias = f.flag("enable_bias", true);
  c.tied_embeddings = f.flag("tie_word_embeddings", true);
  c.attn_scale = 1.0 / std::sqrt(static_cast<double>(c.d_head));
  c.layers.resize(static_cast<std::size_t>(c.n_layers));
  read_opt_rest(f);
  return c;
}

WeightRules opt_rules(const ModelConfig& c, Naming) {
  const std::string d = "model.decoder.";
  const std::string at = d + "layers.{l}.";
  WeightRules rules;
  rules.model = {{"W_E", d + "embed_tokens.weight"},
                 {"W_pos", d + "embed_positions.weight"},
                 {"ln_final.w", d + "final_layer_norm.weight"},
                 {"ln_final.b", d + "final_layer_norm.bias"}};
  rules.block = {{"ln1.w", at + "self_attn_layer_norm.weight"},
                 {"ln1.b", at + "self_attn_layer_norm.bias"},
                 {"ln2.w", at + "final_layer_norm.weight"},
                 {"ln2.b", at + "final_layer_norm.bias"}};
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
