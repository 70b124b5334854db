// Gemma 1 (Mesnard et al. 2024, arXiv:2403.08295): Llama with scaled embeddings, gains stored less
// one, and heads of a size of their own.
#include <cmath>

#include "lib/families/fields.h"
#include "lib/families/gemma.h"

namespace headscope {
namespace {

ModelConfig gemma1_config(ConfigFields& f) {
  constexpr const char* kDefault = "gelu_pytorch_tanh";
  f.set_default("head_dim", 256);
  f.set_default("num_key_value_heads", 16);
  f.set_default("tie_word_embeddings", true);
  ModelConfig c = llama_config(f, {.usual_activation = kDefault});
  if (c.activation == Activation::gelu) {
    c.activation = Activation::gelu_tanh;  // the first releases' word for it, as transformers knows
  }
  f.tell_if_other("hidden_activation", f.text("hidden_act", kDefault), "\"hidden_act\"");
  read_attention_bias(f, c);
  tell_of_unread_biases(f, c);
  c.embed_scale = std::sqrt(static_cast<double>(c.d_model));
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 10000.0)};
  f.require("use_bidirectional_attention", false);
  return c;
}

}  // namespace

Family gemma1_family() {
  return {.name = "gemma",
          .architectures = {"GemmaForCausalLM"},
          .gguf = {"gemma"},
          .model_types = {"gemma"},
          .config = gemma1_config,
          .rules = gemma_rules};
}

}  // namespace headscope
