// Phi 1, 1.5 and 2 (Li et al. 2023, arXiv:2309.05463): attention and MLP read one LayerNorm in
// parallel, a part of each head turns, biases throughout, that of the logits included.
#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

ModelConfig phi_config(ConfigFields& f) {
  ModelConfig c = llama_config(
      f, {.usual_activation = "gelu_new", .norm_eps = "layer_norm_eps", .usual_norm_eps = 1e-5});
  c.norm = Norm::layer_norm;
  c.block_order = BlockOrder::parallel;
  c.shared_norm = true;
  c.mlp = Mlp::plain;
  c.qkv_bias = c.out_bias = c.mlp_bias = c.unembed_bias = true;
  tell_of_unread_biases(f, c);
  c.qk_norm_bias = f.flag("qk_layernorm", false);
  c.qk_norm = c.qk_norm_bias ? QkNorm::layer_norm : QkNorm::none;
  c.ropes = {read_partial_rope(f, c.d_head, 0.5)};
  return c;
}

WeightRules phi_rules(const ModelConfig& c, Naming naming) {
  const bool hf = naming == Naming::huggingface;
  WeightRules rules = llama_rules(c, naming);
  respell(rules, "model.norm", "model.final_layernorm");
  respell(rules, "self_attn.o_proj", "self_attn.dense");
  respell(rules, "mlp.up_proj", "mlp.fc1");
  respell(rules, "mlp.down_proj", "mlp.fc2");
  add_norm_biases(rules);
  share_one_norm(rules);
  make_plain_mlp(rules);
  rules.model.push_back({"b_U", hf ? "lm_head.bias" : "output.bias"});
  if (c.qk_norm != QkNorm::none) {  // one of the size of a head, which all heads share
    const std::string at = "model.layers.{l}.self_attn.";
    add_by_head(rules, "attn.q_norm", at + "q_layernorm.weight", c.n_heads);
    add_by_head(rules, "attn.q_norm_bias", at + "q_layernorm.bias", c.n_heads);
    add_by_head(rules, "attn.k_norm", at + "k_layernorm.weight", c.n_kv_heads);
    add_by_head(rules, "attn.k_norm_bias", at + "k_layernorm.bias", c.n_kv_heads);
  }
  return rules;
}

}  // namespace

Family phi_family() {
  return {.name = "phi",
          .architectures = {"PhiForCausalLM"},
          .gguf = {"phi2"},
          .model_types = {"phi"},
          .config = phi_config,
          .rules = phi_rules};
}

}  // namespace headscope
