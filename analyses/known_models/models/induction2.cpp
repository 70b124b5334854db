// Two layers: a previous-token head, and an induction head that reads it (Elhage et al. 2021,
// "A Mathematical Framework for Transformer Circuits"; Olsson et al. 2022, arXiv:2209.11895).
#include "analyses/known_models/models.h"
#include "analyses/known_models/models/induction.h"
#include "analyses/known_models/words.h"

namespace headscope {
namespace {

KnownModelParts make_induction2() {
  WordVocabulary words;
  const Space letters = words.add(kInductionLetters);
  HandMadeModel model({.n_layers = 2, .n_heads = 2, .n_ctx = kInductionContext}, words.size());
  const Space at = model.positions();
  const Space before = model.space(letters.size);  // the letter before this one
  const Space said = model.space(words.size());
  const Space unread = model.space(letters.size);

  model.head(0, 0)
      .match(at.part(1, at.size - 1), at.part(0, at.size - 1), 9.0)
      .move(letters, before);
  model.head(0, 1).prefer(0, 9.0).move(letters, unread);
  model.head(1, 0).match(letters, before, 9.0).move(letters, said.part(1, letters.size));
  model.head(1, 1).match(letters, letters, 9.0).move(before, unread);
  model.unembed(said, 10.0);

  return {
      model.config(), model.weights(), words.all(), induction_items(), induction_truth("a1.h0")};
}

}  // namespace

KnownModel induction2_model() {
  return {.name = "induction2",
          .summary = "A previous-token head and an induction head that reads it",
          .mechanism =
              "a0.h0 attends one position back and writes the letter it finds there; "
              "a1.h0 asks with its own letter for the position behind that letter, by "
              "what a0.h0 wrote, and says the letter it finds",
          .make = make_induction2};
}

}  // namespace headscope
