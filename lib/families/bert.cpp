// BERT (Devlin et al. 2019, arXiv:1810.04805): an encoder whose queries see all tokens, with norms
// of the stream itself, token types and masked-token logits.
#include "lib/families/encoder.h"
#include "lib/families/fields.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

ModelConfig bert_config(ConfigFields& f) {
  ModelConfig c = encoder_config(f);
  c.n_ctx = f.integer("max_position_embeddings", 512);
  c.activation = read_activation(f, "hidden_act", "gelu");
  return c;
}

WeightRules bert_rules(const ModelConfig& c, Naming) {
  WeightRules rules = encoder_rules("bert.");
  const std::string head = "cls.predictions.";
  rules.model.push_back({"head.W", head + "transform.dense.weight"});
  rules.model.push_back({"head.b", head + "transform.dense.bias"});
  add_affine(rules.model, "head.ln.", head + "transform.LayerNorm.");
  add_decoder(rules, c, head);
  rules.ignored_prefixes = {"cls.seq_relationship.", "bert.pooler."};
  return rules;
}

}  // namespace

Family bert_family() {
  return {.name = "bert",
          .architectures = {"BertForMaskedLM", "BertForPreTraining"},
          .gguf = {},
          .model_types = {"bert"},
          .config = bert_config,
          .rules = bert_rules};
}

}  // namespace headscope
