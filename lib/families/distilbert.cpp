// DistilBERT (Sanh et al. 2019, arXiv:1910.01108): BERT without token types, with names of its own.
#include "lib/families/encoder.h"
#include "lib/families/fields.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

ModelConfig distilbert_config(ConfigFields& f) {
  f.also_called("dim", "hidden_size");
  f.also_called("n_heads", "num_attention_heads");
  f.also_called("n_layers", "num_hidden_layers");
  ModelConfig c;
  c.n_layers = read_layer_count(f, "n_layers");
  c.d_model = f.integer("dim");
  c.n_heads = f.integer("n_heads");
  c.d_mlp = f.integer("hidden_dim");
  c.d_vocab = f.integer("vocab_size");
  c.n_ctx = f.integer("max_position_embeddings", 512);
  c.norm_eps = 1e-12;  // in the code, whatever the config says
  c.activation = read_activation(f, "activation", "gelu");
  f.ignore(
      {"sinusoidal_pos_embds", "dropout", "qa_dropout", "seq_classif_dropout", "tie_weights_"});
  return as_encoder(f, std::move(c));
}

WeightRules distilbert_rules(const ModelConfig& c, Naming) {
  WeightRules rules;
  const std::string embeddings = "distilbert.embeddings.";
  rules.ignored = {embeddings + "position_ids"};
  rules.model = {{"W_E", embeddings + "word_embeddings.weight"},
                 {"W_pos", embeddings + "position_embeddings.weight"}};
  add_affine(rules.model, "ln_embed.", embeddings + "LayerNorm.");
  rules.model.push_back({"head.W", "vocab_transform.weight"});
  rules.model.push_back({"head.b", "vocab_transform.bias"});
  add_affine(rules.model, "head.ln.", "vocab_layer_norm.");
  rules.model.push_back({"b_U", "vocab_projector.bias"});
  const std::string h = "distilbert.transformer.layer.{l}.";
  add_linear(rules.block, "attn.", "Q", h + "attention.q_lin.");
  add_linear(rules.block, "attn.", "K", h + "attention.k_lin.");
  add_linear(rules.block, "attn.", "V", h + "attention.v_lin.");
  add_linear(rules.block, "attn.", "O", h + "attention.out_lin.");
  add_affine(rules.block, "ln1.", h + "sa_layer_norm.");
  add_linear(rules.block, "mlp.", "in", h + "ffn.lin1.");
  add_linear(rules.block, "mlp.", "out", h + "ffn.lin2.");
  add_affine(rules.block, "ln2.", h + "output_layer_norm.");
  add_head(rules, c, "vocab_projector.weight");
  return rules;
}
}  // namespace

Family distilbert_family() {
  return {.name = "distilbert",
          .architectures = {"DistilBertForMaskedLM"},
          .gguf = {},
          .model_types = {"distilbert"},
          .config = distilbert_config,
          .rules = distilbert_rules};
}

}  // namespace headscope
