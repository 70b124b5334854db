// StarCoder 2 (Lozhkov et al. 2024, arXiv:2402.19173): Llama with LayerNorms, biases throughout, an
// MLP without gate, and every layer sliding.
#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

ModelConfig starcoder2_config(ConfigFields& f) {
  f.set_default("num_key_value_heads", 2);
  f.set_default("tie_word_embeddings", true);
  ModelConfig c = llama_config(f,
                               {.usual_activation = "gelu_pytorch_tanh",
                                .norm_eps = "norm_epsilon",
                                .usual_norm_eps = 1e-5});
  c.norm = Norm::layer_norm;
  c.mlp = Mlp::plain;
  c.qkv_bias = c.out_bias = c.mlp_bias = f.flag("use_bias", true);
  tell_of_unread_biases(f, c);
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 10000.0)};
  read_window_of_all(f, c);
  f.ignore({"residual_dropout", "embedding_dropout"});
  return c;
}

WeightRules starcoder2_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = llama_rules(c, naming);
  add_norm_biases(rules);
  make_plain_mlp(rules);
  respell(rules, "mlp.up_proj", "mlp.c_fc");
  respell(rules, "mlp.down_proj", "mlp.c_proj");
  return rules;
}

}  // namespace

Family starcoder2_family() {
  return {.name = "starcoder2",
          .architectures = {"Starcoder2ForCausalLM"},
          .gguf = {"starcoder2"},
          .model_types = {"starcoder2"},
          .config = starcoder2_config,
          .rules = starcoder2_rules};
}

}  // namespace headscope
