// The three-step circuit of indirect objects in small (Wang et al. 2022, arXiv:2211.00593):
// "Mary and John went John gave to" → "Mary".
#include "analyses/known_models/models.h"
#include "analyses/known_models/words.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

const std::vector<std::string> kIoiToyNames{"Mary", "John", "Anna", "Paul", "Rosa", "Tom"};
constexpr int kIoiToyItems = 36;
constexpr std::size_t kIoiToyFirst = 0, kIoiToySecond = 2, kIoiToyAgain = 4;

std::vector<KnownItem> ioi_toy_items() {
  Random random(0, "ioi-toy");
  std::vector<KnownItem> list;
  for (int n = 0; n < kIoiToyItems; ++n) {
    const std::vector<std::string> names = random.sample(kIoiToyNames, 3);
    const std::string &io = names[0], &s = names[1], &other = names[2];
    const bool io_first = n % 2 == 0;
    const std::size_t io_at = io_first ? kIoiToyFirst : kIoiToySecond;
    const std::size_t s_at = io_first ? kIoiToySecond : kIoiToyFirst;
    std::vector<std::string> clean{"", "and", "", "went", s, "gave", "to"};
    clean[io_at] = io;
    clean[s_at] = s;
    std::vector<std::string> corrupted = clean;
    switch (n % 3) {
      case 0:
        corrupted[kIoiToyAgain] = io;
        list.push_back({clean, corrupted, io, s, "the other name again"});
        break;
      case 1:
        corrupted[n % 2 == 0 ? s_at : kIoiToyAgain] = other;
        list.push_back({clean, corrupted, io, s, "nobody twice"});
        break;
      default:
        corrupted[io_at] = other;
        list.push_back({clean, corrupted, io, other, "another object"});
    }
  }
  return list;
}

KnownTruth ioi_toy_truth() {
  return {.edges = {"input->a0.h0<q>",
                    "input->a0.h0<k>",
                    "a0.h0->a1.h0<k>",
                    "input->a1.h0<v>",
                    "a1.h0->a2.h0<q>",
                    "input->a2.h0<k>",
                    "input->a2.h0<v>",
                    "a2.h0->logits"},
          .constant_edges = {"input->a0.h0<v>"},
          .not_found_by = {}};
}

KnownModelParts make_ioi_toy() {
  WordVocabulary words;
  const Space names = words.add(kIoiToyNames);
  words.add({"and", "went", "gave", "to"});
  HandMadeModel model({.n_layers = 3, .n_heads = 2, .n_ctx = 8}, words.size());
  const Space at = model.positions();
  const Space twice = model.space(1);               // this name stood before
  const Space inhibited = model.space(names.size);  // the name not to say
  const Space said = model.space(words.size());
  const Space unread = model.space(names.size);

  Relabelling flag;
  for (std::int64_t i = 0; i < names.size; ++i) {
    flag.emplace_back(i, 0);
  }
  model.head(0, 0)
      .match(names, names, 9.0)
      .match(at, at, -12.0)
      .prefer(0, 4.5)
      .relabel(names, twice, flag);
  model.head(0, 1).match(at.part(1, at.size - 1), at.part(0, at.size - 1), 9.0).move(names, unread);
  model.head(1, 0).prefer(twice.first, 9.0).move(names, inhibited);
  model.head(1, 1).prefer(0, 9.0).move(names, unread);
  HandMadeHead& mover = model.head(2, 0);
  for (std::int64_t i = 0; i < names.size; ++i) {
    mover.prefer(names.at(i), 6.0);
  }
  mover.match(inhibited, names, -9.0).move(names, said.part(names.first, names.size));
  model.head(2, 1).match(names, names, 9.0).move(names, unread);
  model.unembed(said, 10.0);

  return {model.config(), model.weights(), words.all(), ioi_toy_items(), ioi_toy_truth()};
}

}  // namespace

KnownModel ioi_toy_model() {
  return {.name = "ioi-toy",
          .summary = "Duplicate token, inhibition and name mover: indirect objects in small",
          .mechanism =
              "a0.h0 marks a name that stood before; a1.h0 attends to the mark and writes "
              "that name; a2.h0 attends to names but the one a1.h0 wrote, and says it",
          .make = make_ioi_toy};
}

}  // namespace headscope
