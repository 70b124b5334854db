// Gemma 2 (Riviere et al. 2024, arXiv:2408.00118): soft-capped scores and logits, norms before and
// after, every other layer sliding.
#include "lib/families/fields.h"
#include "lib/families/gemma.h"

namespace headscope {
namespace {

ModelConfig gemma2_config(ConfigFields& f) {
  f.set_default("num_key_value_heads", 4);
  f.set_default("attn_logit_softcapping", 50.0);
  f.set_default("final_logit_softcapping", 30.0);
  ModelConfig c = gemma_config(f);
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 10000.0)};
  const std::int64_t window = f.integer("sliding_window", 4096);
  const std::vector<bool> sliding = gemma_sliding_layers(f, c.n_layers, 2);
  for (std::size_t layer = 0; layer < sliding.size(); ++layer) {
    c.layers[layer].window = sliding[layer] ? window : 0;
  }
  return c;
}

}  // namespace

Family gemma2_family() {
  return {.name = "gemma2",
          .architectures = {"Gemma2ForCausalLM"},
          .gguf = {"gemma2"},
          .model_types = {"gemma2"},
          .config = gemma2_config,
          .rules = gemma_rules};
}

}  // namespace headscope
