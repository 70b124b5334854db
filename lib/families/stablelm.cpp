// StableLM 2 and 3B (Bellagente et al. 2024, arXiv:2402.17834): Llama with LayerNorms, rotation of
// a part of each head, and as options biases, norms of each head's query and key, parallel blocks.
#include <algorithm>

#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

ModelConfig stablelm_config(ConfigFields& f) {
  f.set_default("num_key_value_heads", 32);
  ModelConfig c = llama_config(f, {.norm_eps = "layer_norm_eps", .usual_norm_eps = 1e-5});
  f.require_same("head_dim",
                 c.d_model / std::max<std::int64_t>(1, c.n_heads),
                 "\"hidden_size\" / \"num_attention_heads\"");
  c.norm = Norm::layer_norm;
  c.qkv_bias = f.flag("use_qkv_bias", false);
  tell_of_unread_biases(f, c);
  c.qk_norm = f.flag("qk_layernorm", false) ? QkNorm::layer_norm : QkNorm::none;
  c.block_order =
      f.flag("use_parallel_residual", false) ? BlockOrder::parallel : BlockOrder::sequential;
  c.shared_norm = c.block_order == BlockOrder::parallel;
  c.ropes = {read_partial_rope(f, c.d_head, 0.25)};
  return c;
}

// transformers holds every head's norm apart, llama.cpp all of a layer's in one.
void add_qk_norms(WeightRules& rules, const ModelConfig& c, Naming naming) {
  if (naming == Naming::gguf) {
    rules.block.push_back({"attn.q_norm", "blk.{l}.attn_q_norm.weight", Layout::by_head});
    rules.block.push_back({"attn.k_norm", "blk.{l}.attn_k_norm.weight", Layout::by_head});
    return;
  }
  const std::string at = "model.layers.{l}.self_attn.";
  add_by_head(rules, "attn.q_norm", at + "q_layernorm.norms.{h}.weight", c.n_heads);
  add_by_head(rules, "attn.k_norm", at + "k_layernorm.norms.{h}.weight", c.n_kv_heads);
}

WeightRules stablelm_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = llama_rules(c, naming);
  add_norm_biases(rules);
  if (c.block_order == BlockOrder::parallel) {
    share_one_norm(rules);
  }
  if (c.qk_norm != QkNorm::none) {
    add_qk_norms(rules, c, naming);
  }
  return rules;
}

}  // namespace

Family stablelm_family() {
  return {.name = "stablelm",
          .architectures = {"StableLmForCausalLM"},
          .gguf = {"stablelm"},
          .model_types = {"stablelm"},
          .config = stablelm_config,
          .rules = stablelm_rules};
}

}  // namespace headscope
