// Files whose config ties the unembedding to the embedding and that hold an unembedding all the
// same.
#pragma once

#include "lib/families/rules.h"
#include "lib/weights/weight_source.h"

namespace headscope {

// Sets `config.tied_embeddings` to what the weights say, as transformers 5 does: a stored head that
// equals the embedding leaves them tied; one that differs is the model's own (warned of). `rules`
// are those of `config`. Throws DataError for a head of another shape than the embedding's.
void settle_tied_head(const WeightSource& source, const WeightRules& rules, ModelConfig& config);

// The rules with each parameter read from its preferred name where a file has it. Two stored
// tensors that differ are warned of.
WeightRules with_preferred_names(const WeightSource& source, WeightRules rules);

// The rules with W_E read from the head, for files of tied models that hold only that; `rules`
// themselves for any other.
WeightRules with_embedding_from_head(const WeightSource& source, WeightRules rules);

}  // namespace headscope
