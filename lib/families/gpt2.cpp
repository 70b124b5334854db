// GPT-2 (Radford et al. 2019): learned positions, LayerNorm, fused transposed weights.
#include <cmath>

#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/gpt_shape.h"

namespace headscope {
namespace {

ModelConfig gpt2_config(ConfigFields& f) {
  ModelConfig c = read_gpt_shape(f, {.usual_n_ctx = 1024});
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
  rules.model = gpt_model_rules();
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
