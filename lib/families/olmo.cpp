// OLMo 1 (Groeneveld et al. 2024, arXiv:2402.00838): Llama with LayerNorms that learn nothing, and
// queries, keys and values cut to a range.
#include "lib/base/error.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

constexpr double kOlmoEps = 1e-5;  // transformers and llama.cpp fix it

ModelConfig olmo_config(ConfigFields& f) {
  ModelConfig c = llama_config(f);
  f.tell_if_other("rms_norm_eps", kOlmoEps, "what this architecture has");
  c.norm = Norm::layer_norm;
  c.norm_parameters = NormParameters::none;
  c.norm_eps = kOlmoEps;
  read_attention_bias(f, c);
  tell_of_unread_biases(f, c);
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 10000.0)};
  c.clip_qkv = f.optional_number("clip_qkv", 0.0);
  if (f.has("clip_qkv") && !(c.clip_qkv > 0)) {
    throw DataError("{}: \"clip_qkv\" is {}; it must be above 0, or null", f.where(), c.clip_qkv);
  }
  return c;
}

WeightRules olmo_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = llama_rules(c, naming);
  drop(rules, "ln");
  if (naming == Naming::gguf) {
    mark_rotary_pairs(rules);
  }
  return rules;
}

}  // namespace

Family olmo_family() {
  return {.name = "olmo",
          .architectures = {"OlmoForCausalLM"},
          .gguf = {"olmo"},
          .model_types = {"olmo"},
          .config = olmo_config,
          .rules = olmo_rules};
}

}  // namespace headscope
