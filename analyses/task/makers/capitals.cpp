// Capitals: a fact recalled from the name of a country.
#include "analyses/task/makers/all.h"
#include "analyses/task/makers/embedded_words.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::size_t kCountry = 0;
constexpr std::size_t kCapital = 1;

std::vector<std::vector<std::string>> known_capitals(const MakerContext& context) {
  auto rows = context.words.rows("capitals", 2);
  std::erase_if(rows, [&](const auto& row) { return !context.is_single(row[kCapital]); });
  if (rows.size() < 2) {
    throw DataError(
        "{}: {} are one token for this tokenizer, 2 are needed; give others with "
        "--templates",
        context.words.where("capitals"),
        rows.size());
  }
  return rows;
}

DrawDraft open_capitals(const MakerContext& context) {
  return [templates = context.templates({"COUNTRY"}),
          where = context.words.where("templates"),
          relations = context.words.list("relation"),
          rows = known_capitals(context)](Random& random, std::size_t turn) {
    const std::size_t number = turn % templates.size();
    const auto drawn = random.sample(rows, 2);
    Words words{{"COUNTRY", drawn[0][kCountry]}, {"RELATION", random.pick(relations)}};
    const MarkedText clean = fill(templates[number], words, where);
    words["COUNTRY"] = drawn[1][kCountry];
    return Draft{.clean = clean,
                 .corrupted = fill(templates[number], words, where),
                 .answers = {" " + drawn[0][kCapital]},
                 .wrong = {" " + drawn[1][kCapital]},
                 .template_name = std::to_string(number)};
  };
}

}  // namespace

TaskMaker capitals_maker() {
  return {
      .name = "capitals",
      .summary = "The capital of a country: recall of a fact",
      .source =
          "as in Meng et al. 2022, Locating and editing factual associations in GPT, arXiv "
          "2202.05262",
      .spans = {{"COUNTRY", "the subject"},
                {"RELATION", "the word for what is asked"},
                {"end", "the last token"}},
      .corruptions = {{"country", "another country"}},
      .words = capitals_words(),
      .open = open_capitals,
  };
}

}  // namespace headscope
