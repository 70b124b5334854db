// GPT-2 (Radford et al. 2019): learned positions, LayerNorm, fused transposed weights.
#include <algorithm>
#include <cmath>

#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

ModelConfig gpt2_config(ConfigFields& f) {
  // transformers takes a setting under either name.
  f.also_called("n_embd", "hidden_size");
  f.also_called("n_positions", "max_position_embeddings");
  f.also_called("n_head", "num_attention_heads");
  f.also_called("n_layer", "num_hidden_layers");
  ModelConfig c;
  c.n_layers = read_layer_count(f, "n_layer");
  c.d_model = f.integer("n_embd");
  c.n_heads = c.n_kv_heads = f.integer("n_head");
  c.d_head = c.d_model / std::max<std::int64_t>(1, c.n_heads);
  c.d_mlp = f.optional_integer("n_inner", four_times_width(c));
  c.d_vocab = f.integer("vocab_size");
  c.n_ctx = f.integer("n_positions", 1024);
  c.norm = Norm::layer_norm;
  c.norm_eps = f.number("layer_norm_epsilon", 1e-5);
  c.activation = read_activation(f, "activation_function", "gelu_new");
  c.mlp = Mlp::plain;
  c.positions = Positions::learned;
  c.qkv_bias = c.out_bias = c.mlp_bias = true;
  c.tied_embeddings = f.flag("tie_word_embeddings", true);
  c.attn_scale =
      f.flag("scale_attn_weights", true) ? 1.0 / std::sqrt(static_cast<double>(c.d_head)) : 1.0;
  f.ignore({"n_ctx",
            "reorder_and_upcast_attn"});  // the same numbers in another order; scores are f32 here
  ignore_summary_head(f);
  const bool by_layer = f.flag("scale_attn_by_inverse_layer_idx", false);
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    c.layers.push_back({.score_scale = by_layer ? 1.0 / static_cast<double>(layer + 1) : 1.0});
  }
  return c;
}

WeightRules gpt2_huggingface(const ModelConfig& c) {
  WeightRules rules;
  rules.model = {{"W_E", "transformer.wte.weight"},
                 {"W_pos", "transformer.wpe.weight"},
                 {"ln_final.w", "transformer.ln_f.weight"},
                 {"ln_final.b", "transformer.ln_f.bias"}};
  const std::string h = "transformer.h.{l}.";
  rules.block = {{"ln1.w", h + "ln_1.weight"},
                 {"ln1.b", h + "ln_1.bias"},
                 {"attn.W_QKV", h + "attn.c_attn.weight", Layout::transposed},
                 {"attn.b_QKV", h + "attn.c_attn.bias"},
                 {"attn.W_O", h + "attn.c_proj.weight", Layout::transposed},
                 {"attn.b_O", h + "attn.c_proj.bias"},
                 {"ln2.w", h + "ln_2.weight"},
                 {"ln2.b", h + "ln_2.bias"},
                 {"mlp.W_in", h + "mlp.c_fc.weight", Layout::transposed},
                 {"mlp.b_in", h + "mlp.c_fc.bias"},
                 {"mlp.W_out", h + "mlp.c_proj.weight", Layout::transposed},
                 {"mlp.b_out", h + "mlp.c_proj.bias"}};
  rules.ignored = {".attn.bias", ".attn.masked_bias"};
  add_head(rules, c, "lm_head.weight");
  return rules;
}

WeightRules gpt2_rules(const ModelConfig& c, Naming naming) {
  if (naming == Naming::huggingface) {
    return gpt2_huggingface(c);
  }
  WeightRules rules = gguf_fused_rules(c);
  rules.model.push_back({"W_pos", "position_embd.weight"});
  return rules;
}

}  // namespace

Family gpt2_family() {
  return {.name = "gpt2",
          .architectures = {"GPT2LMHeadModel"},
          .gguf = {"gpt2"},
          .model_types = {"gpt2"},
          .config = gpt2_config,
          .rules = gpt2_rules};
}

}  // namespace headscope
