// Granite 3 (IBM 2024), dense: Llama with four multipliers. What attention and MLP write is
// multiplied where it is written (W_O, W_out), so that every head's share is what enters the
// stream; the divisor of the logits is part of the last norm's gain.
#include "lib/base/error.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

double multiplier(ConfigFields& f, const char* name) {
  const double value = f.number(name, 1.0);
  if (!(value > 0)) {
    throw DataError("{}: \"{}\" is {}; it must be positive", f.where(), name, value);
  }
  return value;
}

ModelConfig granite_config(ConfigFields& f) {
  f.set_default("max_position_embeddings", 2048);
  ModelConfig c = llama_config(f);
  read_attention_bias(f, c);
  read_mlp_bias(f, c);
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 10000.0)};
  c.attn_scale = multiplier(f, "attention_multiplier");
  c.embed_scale = multiplier(f, "embedding_multiplier");
  c.written_scale = multiplier(f, "residual_multiplier");
  c.logit_scale = 1.0 / multiplier(f, "logits_scaling");
  return c;
}

WeightRules granite_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = llama_rules(c, naming);
  for (WeightRule& rule : rules.block) {
    for (const char* target : {"attn.W_O", "attn.b_O", "mlp.W_out", "mlp.b_out"}) {
      rule.scale = rule.target == target ? c.written_scale : rule.scale;
    }
  }
  for (WeightRule& rule : rules.model) {
    rule.scale = rule.target == "ln_final.w" ? c.logit_scale : rule.scale;
  }
  if (naming == Naming::gguf) {
    mark_rotary_pairs(rules);
  }
  return rules;
}

}  // namespace

Family granite_family() {
  return {.name = "granite",
          .architectures = {"GraniteForCausalLM"},
          .gguf = {"granite"},
          .model_types = {"granite"},
          .config = granite_config,
          .rules = granite_rules};
}

}  // namespace headscope
