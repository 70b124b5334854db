// One head copies the only letter among digits: "2 0 c 1 3 :" → "c".
#include "analyses/known_models/models.h"
#include "analyses/known_models/words.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

const std::vector<std::string> kCopyLetters{"a", "b", "c", "d", "e", "f", "g", "h"};
const std::vector<std::string> kCopyDigits{"0", "1", "2", "3"};
constexpr std::size_t kCopySymbols = 5;
constexpr int kCopyItems = 24;

std::vector<std::string> copy_prompt(const std::string& letter, std::size_t place, Random& random) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < kCopySymbols; ++i) {
    words.push_back(i == place ? letter : random.pick(kCopyDigits));
  }
  words.emplace_back(":");
  return words;
}

std::vector<KnownItem> copy_items() {
  Random random(0, "copy");
  std::vector<KnownItem> list;
  for (int n = 0; n < kCopyItems; ++n) {
    const std::vector<std::string> letters = random.sample(kCopyLetters, 2);
    const std::size_t place = random.below(kCopySymbols);
    const bool moved = n % 2 == 1;
    const std::size_t other =
        moved ? (place + 1 + random.below(kCopySymbols - 1)) % kCopySymbols : place;
    std::vector<std::string> clean = copy_prompt(letters[0], place, random);
    std::vector<std::string> corrupted = clean;
    corrupted[place] = random.pick(kCopyDigits);
    corrupted[other] = letters[1];
    list.push_back({std::move(clean),
                    std::move(corrupted),
                    letters[0],
                    letters[1],
                    moved ? "letter and place" : "letter"});
  }
  return list;
}

KnownModelParts make_copy() {
  WordVocabulary words;
  const Space letters = words.add(kCopyLetters);
  const Space digits = words.add(kCopyDigits);
  words.add({":"});
  HandMadeModel model({.n_layers = 1, .n_heads = 2, .n_ctx = 8}, words.size());
  const Space said = model.space(words.size());
  const Space unread = model.space(digits.size);

  HandMadeHead& copies = model.head(0, 0);
  for (std::int64_t i = 0; i < letters.size; ++i) {
    copies.prefer(letters.at(i), 8.0);
  }
  copies.move(letters, said.part(letters.first, letters.size));
  model.head(0, 1).move(digits, unread);  // looks everywhere, and nobody reads it
  model.unembed(said, 10.0);

  return {model.config(),
          model.weights(),
          words.all(),
          copy_items(),
          {.edges = {"input->a0.h0<k>", "input->a0.h0<v>", "a0.h0->logits"},
           .constant_edges = {},
           .not_found_by = {}}};
}

}  // namespace

KnownModel copy_model() {
  return {.name = "copy",
          .summary = "One head finds the letter among digits and copies it",
          .mechanism = "a0.h0 attends to letters, whatever asks, and writes the letter it finds",
          .make = make_copy};
}

}  // namespace headscope
