// GPT-J 6B (Wang & Komatsuzaki 2021): attention and MLP in parallel behind one norm, rotation of
// neighbouring dimensions, a bias of the logits.
#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

ModelConfig gptj_config(ConfigFields& f) {
  f.also_called("n_embd", "hidden_size");
  f.also_called("n_positions", "max_position_embeddings");
  f.also_called("n_head", "num_attention_heads");
  f.also_called("n_layer", "num_hidden_layers");
  ModelConfig c;
  c.n_layers = read_layer_count(f, "n_layer");
  c.d_model = f.integer("n_embd");
  c.n_heads = c.n_kv_heads = f.integer("n_head");
  c.d_head = c.d_model / std::max<std::int64_t>(1, c.n_heads);
  c.d_mlp = f.optional_integer("n_inner", four_times_width(c));
  c.d_vocab = f.integer("vocab_size");
  c.n_ctx = f.integer("n_positions", 2048);
  c.norm = Norm::layer_norm;
  c.norm_eps = f.number("layer_norm_epsilon", 1e-5);
  c.block_order = BlockOrder::parallel;
  c.shared_norm = true;
  c.activation = read_activation(f, "activation_function", "gelu_new");
  c.mlp = Mlp::plain;
  c.mlp_bias = c.unembed_bias = true;
  c.tied_embeddings = f.flag("tie_word_embeddings", false);
  c.attn_scale = 1.0 / std::sqrt(static_cast<double>(c.d_head));
  const std::int64_t dim = f.integer("rotary_dim", 64);
  if (dim < 2 || dim > c.d_head || dim % 2 != 0) {
    throw DataError("{}: \"rotary_dim\" {} of heads of {}: an even part of a head turns",
                    f.where(),
                    dim,
                    c.d_head);
  }
  c.ropes = {{.base = 10000.0, .dim = dim, .scaling = {}, .pairs = RopePairs::adjacent}};
  c.layers.resize(static_cast<std::size_t>(c.n_layers));
  f.ignore({"n_ctx", "rotary", "scale_attn_weights"});
  ignore_summary_head(f);
  return c;
}

WeightRules gptj_rules(const ModelConfig& c, Naming) {
  WeightRules rules;
  rules.model = {{"W_E", "transformer.wte.weight"},
                 {"ln_final.w", "transformer.ln_f.weight"},
                 {"ln_final.b", "transformer.ln_f.bias"},
                 {"b_U", "lm_head.bias"}};
  const std::string h = "transformer.h.{l}.";
  rules.block = {{"ln1.w", h + "ln_1.weight"}, {"ln1.b", h + "ln_1.bias"}};
  share_one_norm(rules);
  for (const auto& [target, source] : {std::pair{"attn.W_Q", "attn.q_proj.weight"},
                                       std::pair{"attn.W_K", "attn.k_proj.weight"},
                                       std::pair{"attn.W_V", "attn.v_proj.weight"},
                                       std::pair{"attn.W_O", "attn.out_proj.weight"},
                                       std::pair{"mlp.W_in", "mlp.fc_in.weight"},
                                       std::pair{"mlp.b_in", "mlp.fc_in.bias"},
                                       std::pair{"mlp.W_out", "mlp.fc_out.weight"},
                                       std::pair{"mlp.b_out", "mlp.fc_out.bias"}}) {
    rules.block.push_back({target, h + source});
  }
  rules.ignored = {".attn.bias", ".attn.masked_bias"};
  add_head(rules, c, "lm_head.weight");
  return rules;
}

}  // namespace

Family gptj_family() {
  return {.name = "gptj",
          .architectures = {"GPTJForCausalLM"},
          .gguf = {},
          .model_types = {"gptj"},
          .config = gptj_config,
          .rules = gptj_rules};
}

}  // namespace headscope
