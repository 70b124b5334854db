// A head copies a letter; a second one does so only where the first did not: ablating either alone
// changes no answer (self-repair: McGrath et al. 2023, arXiv:2307.15771).
#include "analyses/known_models/models.h"
#include "analyses/known_models/words.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

const std::vector<std::string> kBackupLetters{"a", "b", "c", "d", "e", "f"};
const std::vector<std::string> kBackupDigits{"0", "1", "2", "3"};
constexpr std::size_t kBackupSymbols = 5;
constexpr int kBackupItems = 24;

// The corrupted prompt has no letter, so that neither head finds one.
std::vector<KnownItem> backup_items() {
  Random random(0, "backup");
  std::vector<KnownItem> list;
  for (int n = 0; n < kBackupItems; ++n) {
    const std::vector<std::string> letters = random.sample(kBackupLetters, 2);
    std::vector<std::string> corrupted;
    for (std::size_t i = 0; i < kBackupSymbols; ++i) {
      corrupted.push_back(random.pick(kBackupDigits));
    }
    corrupted.emplace_back(":");
    std::vector<std::string> clean = corrupted;
    clean[random.below(kBackupSymbols)] = letters[0];
    list.push_back({clean, corrupted, letters[0], letters[1], "no letter"});
  }
  return list;
}

KnownTruth backup_truth() {
  const char* const inhibitor =
      "a0.h0->a1.h0<q> keeps the backup quiet: without it both heads say the letter, the metric "
      "rises, and an edge whose cut does not lower it is cut at every threshold";
  return {.edges = {"input->a0.h0<k>",
                    "input->a0.h0<v>",
                    "a0.h0->logits",
                    "a0.h0->a1.h0<q>",
                    "input->a1.h0<k>",
                    "input->a1.h0<v>",
                    "a1.h0->logits"},
          .constant_edges = {},
          .not_found_by = {{"acdc", inhibitor}}};
}

KnownModelParts make_backup() {
  WordVocabulary words;
  const Space letters = words.add(kBackupLetters);
  const Space digits = words.add(kBackupDigits);
  words.add({":"});
  HandMadeModel model({.n_layers = 2, .n_heads = 2, .n_ctx = 8}, words.size());
  const Space done = model.space(1);
  const Space said = model.space(words.size());
  const Space unread = model.space(digits.size);

  Relabelling flag;
  for (std::int64_t i = 0; i < letters.size; ++i) {
    flag.emplace_back(i, 0);
  }
  HandMadeHead& first = model.head(0, 0);
  HandMadeHead& backup = model.head(1, 0);
  for (HandMadeHead* head : {&first, &backup}) {
    for (std::int64_t i = 0; i < letters.size; ++i) {
      head->prefer(letters.at(i), 9.0);
    }
    head->prefer(0, 4.0).move(letters, said.part(letters.first, letters.size));
  }
  first.relabel(letters, done, flag);
  backup.seek(done.first, 0, 12.0);  // where it is done, look at the beginning
  model.head(0, 1).move(digits, unread);
  model.head(1, 1).move(digits, unread);
  model.unembed(said, 10.0);

  return {model.config(), model.weights(), words.all(), backup_items(), backup_truth()};
}

}  // namespace

KnownModel backup_model() {
  return {.name = "backup",
          .summary = "A head copies; another does where the first did not",
          .mechanism =
              "a0.h0 attends to the letter, says it and marks that it did; a1.h0 does the "
              "same where there is no mark, and looks at the beginning where there is one",
          .make = make_backup};
}

}  // namespace headscope
