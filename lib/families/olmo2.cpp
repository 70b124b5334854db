// OLMo 2 (OLMo et al. 2025, arXiv:2501.00656): Llama that normalises what attention and MLP write
// instead of what they read, and all queries, all keys together.
#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

ModelConfig olmo2_config(ConfigFields& f) {
  ModelConfig c = llama_config(f, {.usual_norm_eps = 1e-5});
  c.norm_placement = NormPlacement::post;
  c.qk_norm = QkNorm::whole;
  read_attention_bias(f, c);
  tell_of_unread_biases(f, c);
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 10000.0)};
  return c;
}

WeightRules olmo2_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = llama_rules(c, naming);
  drop(rules, "ln1");
  drop(rules, "ln2");
  const bool hf = naming == Naming::huggingface;
  const std::string at = hf ? "model.layers.{l}." : "blk.{l}.";
  const auto add = [&](const char* target, const char* named, const char* gguf) {
    rules.block.push_back({target, at + (hf ? named : gguf) + ".weight"});
  };
  add("attn.q_norm", "self_attn.q_norm", "attn_q_norm");
  add("attn.k_norm", "self_attn.k_norm", "attn_k_norm");
  add("ln1_post.w", "post_attention_layernorm", "post_attention_norm");
  add("ln2_post.w", "post_feedforward_layernorm", "post_ffw_norm");
  return rules;
}

}  // namespace

Family olmo2_family() {
  return {.name = "olmo2",
          .architectures = {"Olmo2ForCausalLM"},
          .gguf = {"olmo2"},
          .model_types = {"olmo2"},
          .config = olmo2_config,
          .rules = olmo2_rules};
}

}  // namespace headscope
