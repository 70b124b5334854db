// Every layer sees four tokens, the letter lies further back: it is handed on at a star.
#include "analyses/known_models/models.h"
#include "analyses/known_models/words.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

const std::vector<std::string> kWindowLetters{"a", "b", "c", "d", "e", "f"};
const std::vector<std::string> kWindowDigits{"0", "1", "2", "3"};
constexpr int kWindowItems = 24;

// Letter at one of the first three places, the star fourth, the question last: "0 c 2 * 1 3 :".
std::vector<KnownItem> window_items() {
  Random random(0, "window");
  std::vector<KnownItem> list;
  for (int n = 0; n < kWindowItems; ++n) {
    const std::vector<std::string> letters = random.sample(kWindowLetters, 2);
    std::vector<std::string> clean;
    for (int i = 0; i < 6; ++i) {
      clean.push_back(i == 3 ? "*" : random.pick(kWindowDigits));
    }
    clean.emplace_back(":");
    std::vector<std::string> corrupted = clean;
    const std::size_t place = random.below(3);
    const bool moved = n % 2 == 1;
    clean[place] = letters[0];
    corrupted[moved ? (place + 1) % 3 : place] = letters[1];
    list.push_back(
        {clean, corrupted, letters[0], letters[1], moved ? "letter and place" : "letter"});
  }
  return list;
}

KnownModelParts make_window() {
  WordVocabulary words;
  const Space letters = words.add(kWindowLetters);
  const Space digits = words.add(kWindowDigits);
  words.add({"*", ":"});
  HandMadeModel model({.n_layers = 2, .n_heads = 2, .n_ctx = 8, .window = 4}, words.size());
  const Space held = model.space(letters.size);
  const Space said = model.space(words.size());
  const Space unread = model.space(digits.size);
  const Space said_letters = said.part(letters.first, letters.size);

  HandMadeHead& fetches = model.head(0, 0);
  HandMadeHead& direct = model.head(1, 1);
  for (HandMadeHead* head : {&fetches, &direct}) {
    for (std::int64_t i = 0; i < letters.size; ++i) {
      head->prefer(letters.at(i), 9.0);
    }
  }
  fetches.move(letters, held);
  direct.move(letters, said_letters);  // would answer alone, if it saw the letter
  model.head(0, 1).move(digits, unread);
  model.head(1, 0).prefer(words.id("*"), 9.0).move(held, said_letters);
  model.unembed(said, 10.0);

  return {model.config(),
          model.weights(),
          words.all(),
          window_items(),
          {.edges = {"input->a0.h0<k>", "input->a0.h0<v>", "a0.h0->a1.h0<v>", "a1.h0->logits"},
           .constant_edges = {"input->a1.h0<k>"},
           .not_found_by = {}}};
}

}  // namespace

KnownModel window_model() {
  return {.name = "window",
          .summary = "A letter handed on by a head that sees it to one that does not",
          .mechanism =
              "every query sees four keys. a0.h0 attends to the letter and writes it at "
              "the star; a1.h0 attends to the star and says what lies there; a1.h1 would "
              "copy the letter, but it lies outside its window",
          .make = make_window};
}

}  // namespace headscope
