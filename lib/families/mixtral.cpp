// Mixtral (Jiang et al. 2024, arXiv:2401.04088): Mistral with eight experts for an MLP, of which
// each token is sent to two. llama.cpp calls its files "llama".
#include "lib/families/expert_fields.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

ModelConfig mixtral_config(ConfigFields& f) {
  f.set_default("num_key_value_heads", 8);
  ModelConfig c = llama_config(f, {.usual_norm_eps = 1e-5});
  tell_of_unread_biases(f, c);
  c.ropes = {read_rope(f, c.d_head, 1e6)};
  read_experts(f, c, "intermediate_size", {.count = 8, .chosen = 2});
  c.experts.renormalized = true;
  read_window_of_all(f, c);
  return c;
}

WeightRules mixtral_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = llama_rules(c, naming);
  add_expert_rules(rules, c, naming, {"model.layers.{l}.block_sparse_moe.", "w1", "w3", "w2"});
  return rules;
}

}  // namespace

Family mixtral_family() {
  return {.name = "mixtral",
          .architectures = {"MixtralForCausalLM"},
          .gguf = {},
          .gguf_family = "llama",
          .model_types = {"mixtral"},
          .config = mixtral_config,
          .rules = mixtral_rules};
}

}  // namespace headscope
