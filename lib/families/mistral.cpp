// Mistral 7B and what has its architecture, as Nemo (Jiang et al. 2023, arXiv:2310.06825): Llama
// whose every layer slides. llama.cpp calls its files "llama".
#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

// As transformers' MistralConfig: a missing window is 4096 keys, one of null is none.
ModelConfig mistral_config(ConfigFields& f) {
  f.set_default("sliding_window", 4096);
  f.set_default("num_key_value_heads", 8);
  ModelConfig c = llama_config(f);
  tell_of_unread_biases(f, c);
  c.ropes = {read_rope(f, c.d_head, 10000.0)};
  read_window_of_all(f, c);
  return c;
}

}  // namespace

Family mistral_family() {
  return {.name = "mistral",
          .architectures = {"MistralForCausalLM"},
          .gguf = {},
          .gguf_family = "llama",
          .model_types = {"mistral"},
          .config = mistral_config,
          .rules = llama_rules};
}

}  // namespace headscope
