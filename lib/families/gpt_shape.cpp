#include "lib/families/gpt_shape.h"

#include <algorithm>
#include <utility>

#include "lib/families/fields.h"

namespace headscope {

ModelConfig read_gpt_shape(ConfigFields& f, const GptFieldNames& names) {
  for (const auto& [name, other] : {std::pair{names.d_model, "hidden_size"},
                                    std::pair{names.n_ctx, "max_position_embeddings"},
                                    std::pair{names.n_heads, "num_attention_heads"},
                                    std::pair{names.n_layers, "num_hidden_layers"}}) {
    if (name != other) {
      f.also_called(name, other);
    }
  }
  ModelConfig c;
  c.n_layers = read_layer_count(f, names.n_layers);
  c.d_model = f.integer(names.d_model);
  c.n_heads = c.n_kv_heads = f.integer(names.n_heads);
  c.d_head = c.d_model / std::max<std::int64_t>(1, c.n_heads);
  c.d_mlp = f.optional_integer(names.d_mlp, four_times_width(c));
  c.d_vocab = f.integer("vocab_size");
  c.n_ctx = f.integer(names.n_ctx, names.usual_n_ctx);
  c.norm = Norm::layer_norm;
  c.norm_eps = f.number("layer_norm_epsilon", 1e-5);
  c.activation = read_activation(f, "activation_function", "gelu_new");
  c.mlp = Mlp::plain;
  return c;
}

std::vector<WeightRule> gpt_model_rules() {
  return {{"W_E", "transformer.wte.weight"},
          {"W_pos", "transformer.wpe.weight"},
          {"ln_final.w", "transformer.ln_f.weight"},
          {"ln_final.b", "transformer.ln_f.bias"}};
}

std::vector<WeightRule> fused_block_rules(const std::string& layer,
                                          const std::string& attention,
                                          Layout qkv) {
  return {{"attn.W_QKV", layer + attention + ".query_key_value.weight", qkv},
          {"attn.b_QKV", layer + attention + ".query_key_value.bias", qkv},
          {"attn.W_O", layer + attention + ".dense.weight"},
          {"attn.b_O", layer + attention + ".dense.bias"},
          {"mlp.W_in", layer + "mlp.dense_h_to_4h.weight"},
          {"mlp.b_in", layer + "mlp.dense_h_to_4h.bias"},
          {"mlp.W_out", layer + "mlp.dense_4h_to_h.weight"},
          {"mlp.b_out", layer + "mlp.dense_4h_to_h.bias"}};
}

}  // namespace headscope
