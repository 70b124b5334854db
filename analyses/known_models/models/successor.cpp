// A successor head (Gould et al. 2023, arXiv:2312.09230): its output is the next of what it finds.
#include "analyses/known_models/models.h"
#include "analyses/known_models/words.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

const std::vector<std::string> kSuccessorDays{
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
const std::vector<std::string> kSuccessorNumbers{
    "one", "two", "three", "four", "five", "six", "seven"};
const std::vector<std::string> kSuccessorFiller{"the", "day", "of"};
constexpr std::size_t kSuccessorPlaces = 4;
constexpr int kSuccessorItems = 24;

// The days go round; the numbers end.
std::vector<KnownItem> successor_items() {
  Random random(0, "successor");
  std::vector<KnownItem> list;
  for (int n = 0; n < kSuccessorItems; ++n) {
    const std::vector<std::string>& row = n % 2 == 0 ? kSuccessorDays : kSuccessorNumbers;
    const std::size_t starts = n % 2 == 0 ? row.size() : row.size() - 1;
    const std::size_t one = random.below(starts);
    const std::size_t two = (one + 1 + random.below(starts - 1)) % starts;
    const std::size_t place = random.below(kSuccessorPlaces);
    const bool moved = n % 4 >= 2;
    const std::size_t other = moved ? (place + 1) % kSuccessorPlaces : place;
    std::vector<std::string> clean;
    for (std::size_t i = 0; i < kSuccessorPlaces; ++i) {
      clean.push_back(random.pick(kSuccessorFiller));
    }
    clean.emplace_back("then");
    std::vector<std::string> corrupted = clean;
    clean[place] = row[one];
    corrupted[other] = row[two];
    list.push_back({clean,
                    corrupted,
                    row[(one + 1) % row.size()],
                    row[(two + 1) % row.size()],
                    moved ? "word and place" : "word"});
  }
  return list;
}

KnownModelParts make_successor() {
  WordVocabulary words;
  const Space days = words.add(kSuccessorDays);
  const Space numbers = words.add(kSuccessorNumbers);
  const Space filler = words.add(kSuccessorFiller);
  words.add({"then"});
  HandMadeModel model({.n_layers = 1, .n_heads = 2, .n_ctx = 8}, words.size());
  const Space said = model.space(words.size());
  const Space unread = model.space(filler.size);

  HandMadeHead& successor = model.head(0, 0);
  Relabelling next;
  for (std::int64_t i = 0; i < days.size; ++i) {
    next.emplace_back(days.at(i), days.at((i + 1) % days.size));
    successor.prefer(days.at(i), 8.0);
  }
  for (std::int64_t i = 0; i < numbers.size; ++i) {
    successor.prefer(numbers.at(i), 8.0);
    if (i + 1 < numbers.size) {
      next.emplace_back(numbers.at(i), numbers.at(i + 1));
    }
  }
  successor.relabel(model.tokens(), said, next);
  model.head(0, 1).move(filler, unread);
  model.unembed(said, 10.0);

  return {model.config(),
          model.weights(),
          words.all(),
          successor_items(),
          {.edges = {"input->a0.h0<k>", "input->a0.h0<v>", "a0.h0->logits"},
           .constant_edges = {},
           .not_found_by = {}}};
}

}  // namespace

KnownModel successor_model() {
  return {.name = "successor",
          .summary = "One head says what comes after the day or number it finds",
          .mechanism = "a0.h0 attends to days and numbers and writes each one's successor",
          .make = make_successor};
}

}  // namespace headscope
