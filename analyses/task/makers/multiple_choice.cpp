// Multiple choice: the letter before the one choice that is of a kind, after a solved example.
#include "analyses/task/makers/all.h"
#include "analyses/task/makers/embedded_words.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::size_t kChoices = 4;
const std::vector<std::string>& multiple_choice_letters() {
  static const std::vector<std::string> list{"A", "B", "C", "D"};
  return list;
}

using Kinds = std::vector<std::pair<std::string, std::vector<std::string>>>;

Words question(const Kinds& kinds,
               const std::vector<std::string>& choices,
               std::size_t right,
               const std::string& prefix) {
  Words words{{prefix + "KIND", kinds[right].first}};
  for (std::size_t i = 0; i < kChoices; ++i) {
    words[prefix + multiple_choice_letters()[i]] = choices[i];
    words[prefix + "L" + multiple_choice_letters()[i]] = multiple_choice_letters()[i];
  }
  return words;
}

std::vector<std::string> one_of_each(const Kinds& kinds, Random& random) {
  std::vector<std::string> choices;
  for (const auto& [kind, members] : kinds) {
    choices.push_back(random.pick(members));
  }
  return choices;
}

Draft draw(const std::vector<std::string>& templates,
           const std::string& where,
           const std::string& how,
           const Kinds& all,
           Random& random,
           std::size_t turn) {
  const std::size_t number = turn % templates.size();
  const std::string& pattern = templates[number];
  const Kinds shown = random.sample(all, kChoices);
  const std::size_t solved = random.below(kChoices);
  const Words demo = question(shown, one_of_each(shown, random), solved, "demo ");
  const std::string shot = fill(with_prefix(pattern, "demo "), demo, where).text + " " +
                           multiple_choice_letters()[solved] + "\n\n";

  Kinds kinds = random.sample(all, kChoices);
  auto choices = one_of_each(kinds, random);
  const std::size_t right = turn / templates.size() % kChoices;  // each letter equally often
  const std::size_t other = (right + 1 + random.below(kChoices - 1)) % kChoices;
  Draft draft{.clean = fill(shot + pattern, question(kinds, choices, right, ""), where),
              .corrupted = {},
              .answers = {" " + multiple_choice_letters()[right]},
              .wrong = {},
              .template_name = std::to_string(number)};
  if (how == "choices") {
    std::swap(kinds[right], kinds[other]);
    std::swap(choices[right], choices[other]);
  }
  draft.corrupted = fill(shot + pattern, question(kinds, choices, other, ""), where);
  for (std::size_t i = 0; i < kChoices; ++i) {
    if (i != right) {
      draft.wrong.push_back(" " + multiple_choice_letters()[i]);
    }
  }
  return draft;
}

DrawDraft open_multiple_choice(const MakerContext& context) {
  const auto kinds = context.words.groups("kinds");
  if (kinds.size() < kChoices) {
    throw DataError("{}: {} kinds are needed", context.words.where("kinds"), kChoices);
  }
  return [templates = context.templates({"KIND", "A", "B", "C", "D"}),
          where = context.words.where("templates"),
          how = context.corruption,
          kinds](Random& random, std::size_t turn) {
    return draw(templates, where, how, kinds, random, turn);
  };
}

}  // namespace

TaskMaker multiple_choice_maker() {
  return {
      .name = "multiple_choice",
      .summary = "The letter of the one choice that is of a kind, after a solved example",
      .source =
          "Lieberum et al. 2023, Does circuit analysis interpretability scale?, arXiv "
          "2307.09458",
      .spans = {{"KIND", "what is asked for"},
                {"LA", "the letter A of the question"},
                {"A", "its choice"},
                {"LB", "the letter B"},
                {"B", "its choice"},
                {"LC", "the letter C"},
                {"C", "its choice"},
                {"LD", "the letter D"},
                {"D", "its choice"},
                {"end", "the last token"}},
      .corruptions = {{"question", "another kind is asked for: the answer is another letter"},
                      {"choices", "the right choice and another change places"}},
      .words = multiple_choice_words(),
      .open = open_multiple_choice,
  };
}

}  // namespace headscope
