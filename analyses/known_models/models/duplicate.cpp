// One head tells whether the last letter stood in the prompt before: "d b a f b" → "yes".
#include "analyses/known_models/models.h"
#include "analyses/known_models/words.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

const std::vector<std::string> kDuplicateLetters{"a", "b", "c", "d", "e", "f", "g", "h"};
constexpr std::size_t kDuplicateLength = 5;
constexpr int kDuplicateItems = 24;

// Of six letters in a row, one that stands twice or none.
std::vector<KnownItem> duplicate_items() {
  Random random(0, "duplicate");
  std::vector<KnownItem> list;
  for (int n = 0; n < kDuplicateItems; ++n) {
    const std::vector<std::string> letters = random.sample(kDuplicateLetters, kDuplicateLength + 1);
    std::vector<std::string> without(letters.begin(), letters.begin() + kDuplicateLength);
    std::vector<std::string> with = without;
    const std::size_t place = random.below(kDuplicateLength - 1);
    const bool by_query = n % 2 == 0;
    if (by_query) {
      with.back() = with[place];
    } else {
      with[place] = with.back();
    }
    const bool clean_has = n % 4 < 2;
    list.push_back({clean_has ? with : without,
                    clean_has ? without : with,
                    clean_has ? "yes" : "no",
                    clean_has ? "no" : "yes",
                    by_query ? "the letter asked about" : "the letter before"});
  }
  return list;
}

KnownModelParts make_duplicate() {
  WordVocabulary words;
  const Space letters = words.add(kDuplicateLetters);
  words.add({"yes", "no"});
  HandMadeModel model({.n_layers = 1, .n_heads = 2, .n_ctx = kDuplicateLength + 2}, words.size());
  const Space at = model.positions();
  const Space said = model.space(words.size());
  const Space unread = model.space(letters.size);

  Relabelling verdict{{0, words.id("no")}};  // the beginning is attended to where nothing matches
  for (std::int64_t i = 0; i < letters.size; ++i) {
    verdict.emplace_back(letters.at(i), words.id("yes"));
  }
  model.head(0, 0)
      .match(letters, letters, 9.0)
      .match(at, at, -12.0)  // not itself
      .prefer(0, 4.5)
      .relabel(model.tokens(), said, verdict);
  model.head(0, 1).match(letters, letters, 9.0).move(letters, unread);
  model.unembed(said, 10.0);

  return {model.config(),
          model.weights(),
          words.all(),
          duplicate_items(),
          {.edges = {"input->a0.h0<q>", "input->a0.h0<k>", "a0.h0->logits"},
           .constant_edges = {"input->a0.h0<v>"},
           .not_found_by = {}}};
}

}  // namespace

KnownModel duplicate_model() {
  return {.name = "duplicate",
          .summary = "One head tells whether the last letter stood before",
          .mechanism =
              "a0.h0 attends to an earlier copy of its letter, or else to the beginning, "
              "and says yes to the one, no to the other",
          .make = make_duplicate};
}

}  // namespace headscope
