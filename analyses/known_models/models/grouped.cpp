// Induction in a model whose heads share keys and values in pairs: which of a pair is in the
// circuit only its query and its output tell.
#include "analyses/known_models/models.h"
#include "analyses/known_models/models/induction.h"
#include "analyses/known_models/words.h"

namespace headscope {
namespace {

KnownModelParts make_grouped() {
  WordVocabulary words;
  const Space letters = words.add(kInductionLetters);
  HandMadeModel model({.n_layers = 2, .n_heads = 4, .n_kv_heads = 2, .n_ctx = kInductionContext},
                      words.size());
  const Space at = model.positions();
  const Space before = model.space(letters.size);
  const Space said = model.space(words.size());
  const Space unread = model.space(letters.size);

  model.head(0, 0)
      .match(at.part(1, at.size - 1), at.part(0, at.size - 1), 9.0)
      .move(letters, before);
  model.head(0, 1).shares(model.head(0, 0), unread);  // asks for nothing, of the same keys
  model.head(0, 2).prefer(0, 9.0).move(letters, unread);
  model.head(1, 2).match(letters, before, 9.0).move(letters, said.part(1, letters.size));
  model.head(1, 3).shares(model.head(1, 2), unread);
  model.unembed(said, 10.0);

  return {
      model.config(), model.weights(), words.all(), induction_items(), induction_truth("a1.h2")};
}

}  // namespace

KnownModel grouped_model() {
  return {.name = "grouped",
          .summary = "Induction where pairs of heads share keys and values",
          .mechanism =
              "as induction2, by a0.h0 and a1.h2; a0.h1 and a1.h3 see the same keys and "
              "values, ask for nothing and write where nobody reads",
          .make = make_grouped};
}

}  // namespace headscope
