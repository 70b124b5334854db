// Qwen 3, dense (Yang et al. 2025, arXiv:2505.09388): Llama with an RMS norm of every head's query
// and key.
#include "lib/families/qwen.h"

namespace headscope {
namespace {

ModelConfig qwen3_config(ConfigFields& f) {
  f.set_default("head_dim", 128);
  ModelConfig c = qwen_config(f);
  read_attention_bias(f, c);
  tell_of_unread_biases(f, c);
  c.qk_norm = QkNorm::per_head;
  return c;
}

}  // namespace

WeightRules qwen3_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = llama_rules(c, naming);
  const bool hf = naming == Naming::huggingface;
  rules.block.push_back(
      {"attn.q_norm",
       hf ? "model.layers.{l}.self_attn.q_norm.weight" : "blk.{l}.attn_q_norm.weight"});
  rules.block.push_back(
      {"attn.k_norm",
       hf ? "model.layers.{l}.self_attn.k_norm.weight" : "blk.{l}.attn_k_norm.weight"});
  return rules;
}

Family qwen3_family() {
  return {.name = "qwen3",
          .architectures = {"Qwen3ForCausalLM"},
          .gguf = {"qwen3"},
          .model_types = {"qwen3"},
          .config = qwen3_config,
          .rules = qwen3_rules};
}

}  // namespace headscope
