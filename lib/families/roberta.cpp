// RoBERTa (Liu et al. 2019, arXiv:1907.11692): BERT with its positions counted from the row behind
// the padding's.
#include <algorithm>

#include "lib/base/error.h"
#include "lib/families/encoder.h"
#include "lib/families/fields.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

ModelConfig roberta_config(ConfigFields& f) {
  ModelConfig c = encoder_config(f);
  f.require("hidden_act", "gelu");  // its head has gelu whatever the config says
  c.activation = Activation::gelu;
  c.unplaced_token = f.integer("pad_token_id", 1);
  const std::int64_t rows = std::max<std::int64_t>(f.integer("max_position_embeddings", 512), 0);
  if (c.unplaced_token < 0 || c.unplaced_token >= rows - 1) {
    throw DataError(
        "{}: \"pad_token_id\" {} leaves no position of \"max_position_embeddings\" {}: they are "
        "counted from pad_token_id + 1",
        f.where(),
        c.unplaced_token,
        rows);
  }
  c.first_position_row = c.unplaced_token + 1;
  c.n_ctx = rows - c.first_position_row;
  return c;
}

WeightRules roberta_rules(const ModelConfig& c, Naming) {
  WeightRules rules = encoder_rules("roberta.");
  rules.model.push_back({"head.W", "lm_head.dense.weight"});
  rules.model.push_back({"head.b", "lm_head.dense.bias"});
  add_affine(rules.model, "head.ln.", "lm_head.layer_norm.");
  add_decoder(rules, c, "lm_head.");
  rules.ignored_prefixes = {"roberta.pooler."};
  return rules;
}

}  // namespace

Family roberta_family() {
  return {.name = "roberta",
          .architectures = {"RobertaForMaskedLM"},
          .gguf = {},
          .model_types = {"roberta"},
          .config = roberta_config,
          .rules = roberta_rules};
}

}  // namespace headscope
