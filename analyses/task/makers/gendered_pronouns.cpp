// Gendered pronouns: he or she, after a name.
#include "analyses/task/makers/all.h"
#include "analyses/task/makers/embedded_words.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

struct Gender {
  std::vector<std::string> names;
  std::vector<std::string> pronouns;  // " she"
};

std::vector<Gender> genders(const MakerContext& context) {
  std::vector<Gender> out;
  for (const auto& [gender, pronouns] : context.words.groups("pronouns")) {
    if (gender != "women" && gender != "men") {
      throw DataError("{}: {} is neither women nor men", context.words.where("pronouns"), gender);
    }
    out.push_back({context.single(gender, 1), {}});
    for (const std::string& pronoun : pronouns) {
      out.back().pronouns.push_back(" " + pronoun);
    }
  }
  if (out.size() != 2) {
    throw DataError("{}: pronouns of women and of men are needed", context.words.where("pronouns"));
  }
  return out;
}

DrawDraft open_gendered_pronouns(const MakerContext& context) {
  return [templates = context.templates({"NAME"}),
          where = context.words.where("templates"),
          genders = genders(context)](Random& random, std::size_t turn) {
    const std::size_t number = turn / 2 % templates.size();
    const Gender& right = genders[turn % 2];
    const Gender& other = genders[1 - turn % 2];
    return Draft{.clean = fill(templates[number], {{"NAME", random.pick(right.names)}}, where),
                 .corrupted = fill(templates[number], {{"NAME", random.pick(other.names)}}, where),
                 .answers = right.pronouns,
                 .wrong = other.pronouns,
                 .template_name = std::to_string(number)};
  };
}

}  // namespace

TaskMaker gendered_pronouns_maker() {
  return {
      .name = "gendered_pronouns",
      .summary = "The pronoun, he or she, that takes up a name",
      .source =
          "Mathwin et al. 2023, Identifying a preliminary circuit for predicting gendered "
          "pronouns in GPT-2 small",
      .spans = {{"NAME", "the name"}, {"end", "the last token"}},
      .corruptions = {{"other_gender", "a name of the other gender"}},
      .words = gendered_pronouns_words(),
      .open = open_gendered_pronouns,
  };
}

}  // namespace headscope
