#include "lib/families/encoder.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/families/fields.h"
#include "lib/families/rule_edits.h"

namespace headscope {

ModelConfig encoder_config(ConfigFields& f) {
  ModelConfig c;
  c.n_layers = read_layer_count(f, "num_hidden_layers");
  c.d_model = f.integer("hidden_size");
  c.n_heads = f.integer("num_attention_heads");
  c.d_mlp = f.integer("intermediate_size");
  c.d_vocab = f.integer("vocab_size");
  c.n_token_types = f.integer("type_vocab_size", 2);
  if (c.n_token_types < 1) {
    throw DataError(
        "{}: \"type_vocab_size\" is {}; every token has a type, so there is one at least",
        f.where(),
        c.n_token_types);
  }
  c.norm_eps = f.number("layer_norm_eps", 1e-12);
  f.require("is_decoder", false);
  f.require("add_cross_attention", false);
  f.require("position_embedding_type", "absolute");
  f.ignore({"classifier_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob"});
  return as_encoder(f, std::move(c));
}

ModelConfig as_encoder(ConfigFields& f, ModelConfig c) {
  if (c.n_heads > 0 && c.d_model % c.n_heads != 0) {
    throw DataError(
        "{}: {} heads do not divide a stream of {} evenly", f.where(), c.n_heads, c.d_model);
  }
  c.n_kv_heads = c.n_heads;
  c.d_head = c.d_model / std::max<std::int64_t>(1, c.n_heads);
  c.norm = Norm::layer_norm;
  c.norm_placement = NormPlacement::after_sum;
  c.mlp = Mlp::plain;
  c.positions = Positions::learned;
  c.head = OutputHead::masked_lm;
  c.qkv_bias = c.out_bias = c.mlp_bias = c.unembed_bias = c.embed_norm = true;
  c.has_final_norm = false;
  c.tied_embeddings = f.flag("tie_word_embeddings", true);
  c.attn_scale = 1.0 / std::sqrt(static_cast<double>(c.d_head));
  c.layers.assign(static_cast<std::size_t>(c.n_layers), {.visibility = Visibility::full});
  return c;
}

WeightRules encoder_rules(const std::string& prefix) {
  WeightRules rules;
  const std::string embeddings = prefix + "embeddings.";
  rules.model = {{"W_E", embeddings + "word_embeddings.weight"},
                 {"W_pos", embeddings + "position_embeddings.weight"},
                 {"W_type", embeddings + "token_type_embeddings.weight"}};
  add_affine(rules.model, "ln_embed.", embeddings + "LayerNorm.");
  const std::string h = prefix + "encoder.layer.{l}.";
  add_linear(rules.block, "attn.", "Q", h + "attention.self.query.");
  add_linear(rules.block, "attn.", "K", h + "attention.self.key.");
  add_linear(rules.block, "attn.", "V", h + "attention.self.value.");
  add_linear(rules.block, "attn.", "O", h + "attention.output.dense.");
  add_affine(rules.block, "ln1.", h + "attention.output.LayerNorm.");
  add_linear(rules.block, "mlp.", "in", h + "intermediate.dense.");
  add_linear(rules.block, "mlp.", "out", h + "output.dense.");
  add_affine(rules.block, "ln2.", h + "output.LayerNorm.");
  rules.ignored = {".position_ids"};
  return rules;
}

void add_decoder(WeightRules& rules, const ModelConfig& c, const std::string& head) {
  add_head(rules, c, (head + "decoder.weight").c_str());
  const std::string decoder = head + "decoder.bias";
  if (c.tied_embeddings) {  // transformers ties the two biases too, and keeps the decoder's own
    rules.model.push_back({.target = "b_U", .source = head + "bias", .preferred = decoder});
  } else {
    rules.model.push_back({"b_U", decoder});
  }
  rules.ignored.insert(rules.ignored.end(), {head + "bias", decoder});
}

}  // namespace headscope
