// Qwen 3, dense (Yang et al. 2025, arXiv:2505.09388): Llama with an RMS norm of every head's query
// and key.
#include <cmath>

#include "lib/base/error.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

// As transformers' Qwen3Config: a window of null is none, and the last layers slide.
void read_windows(ConfigFields& f, ModelConfig& c) {
  const std::int64_t window = f.integer("sliding_window", 0);
  const std::int64_t full_layers = f.integer("max_window_layers");
  std::vector<bool> sliding = read_sliding_layers(f, c.n_layers);
  const bool use = f.flag("use_sliding_window", false) && f.has("sliding_window");
  if (sliding.empty()) {
    for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
      sliding.push_back(use && layer >= full_layers);
    }
  }
  for (std::size_t layer = 0; layer < sliding.size(); ++layer) {
    if (sliding[layer] && !(use && window > 0)) {
      throw DataError(
          "{}: layer {} slides but \"use_sliding_window\" is not true, or \"sliding_window\" not "
          "set",
          f.where(),
          layer);
    }
    c.layers[layer].window = sliding[layer] ? window : 0;
  }
}

// What a config leaves out that transformers does not take from other fields.
void set_qwen3_defaults(ConfigFields& f) {
  f.set_default("num_key_value_heads", 32);
  f.set_default("sliding_window", 4096);
  f.set_default("max_window_layers", 28);
}

ModelConfig qwen3_config(ConfigFields& f) {
  set_qwen3_defaults(f);
  ModelConfig c = llama_config(f);
  c.d_head = f.integer("head_dim", 128);
  c.attn_scale = 1.0 / std::sqrt(static_cast<double>(c.d_head));
  c.qk_norm = QkNorm::per_head;
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 10000.0)};
  read_windows(f, c);
  return c;
}

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

}  // namespace

Family qwen3_family() {
  return {.name = "qwen3",
          .architectures = {"Qwen3ForCausalLM"},
          .gguf = {"qwen3"},
          .model_types = {"qwen3"},
          .config = qwen3_config,
          .rules = qwen3_rules};
}

}  // namespace headscope
