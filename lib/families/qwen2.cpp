// Qwen 2 and 2.5, dense (Yang et al. 2024, arXiv:2407.10671): Llama with biases of queries, keys
// and values, and none of the output.
#include "lib/families/qwen.h"

namespace headscope {
namespace {

// transformers' Qwen2Config has no switch for biases.
ModelConfig qwen2_config(ConfigFields& f) {
  f.require("use_mrope", false);  // Qwen2-VL's positions of three axes
  ModelConfig c = qwen_config(f);
  c.qkv_bias = true;
  tell_of_unread_biases(f, c);
  return c;
}

}  // namespace

Family qwen2_family() {
  return {.name = "qwen2",
          .architectures = {"Qwen2ForCausalLM"},
          .gguf = {"qwen2"},
          .model_types = {"qwen2"},
          .config = qwen2_config,
          .rules = llama_rules};
}

}  // namespace headscope
