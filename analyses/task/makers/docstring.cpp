// Docstring: the third parameter of a definition follows the first two in its documentation.
#include <fmt/format.h>

#include "analyses/task/makers/all.h"
#include "analyses/task/makers/embedded_words.h"

namespace headscope {
namespace {

constexpr std::size_t kNames = 12;  // a function, six parameters, five to corrupt with
constexpr std::size_t kFunction = 0;
constexpr std::size_t kAnswer = 5;  // C

// New names for A, B and C in the definition; two others for A and B in the documentation.
Words docstring_corrupted(Words words,
                          const std::string& how,
                          const std::vector<std::string>& names) {
  if (how == "random_random" || how == "random_def") {
    words["A_def"] = names[7];
    words["B_def"] = names[8];
    words["C_def"] = names[9];
  }
  if (how == "random_random" || how == "random_doc") {
    words["A_doc"] = names[10];
    words["B_doc"] = names[11];
  }
  if (how == "random_answer") {
    words["C_def"] = names[9];
  }
  return words;
}

Words words_of(const std::vector<std::string>& names, const std::vector<std::string>& described) {
  Words words{{"F", names[kFunction]},
              {"P1", names[1]},
              {"P2", names[2]},
              {"A_def", names[3]},
              {"B_def", names[4]},
              {"C_def", names[kAnswer]},
              {"S1", names[6]},
              {"A_doc", names[3]},
              {"B_doc", names[4]}};
  for (std::size_t i = 0; i < described.size(); ++i) {
    words[fmt::format("W{}", i + 1)] = described[i];
  }
  return words;
}

DrawDraft open_docstring(const MakerContext& context) {
  return [templates = context.templates({"A_def", "B_def", "C_def", "A_doc", "B_doc"}),
          where = context.words.where("templates"),
          how = context.corruption,
          variables = context.single("variables", kNames),
          described = context.words.list("words")](Random& random, std::size_t turn) {
    const std::size_t number = turn % templates.size();
    const auto names = random.sample(variables, kNames);
    const Words words = words_of(names, random.sample(described, 7));
    Draft draft{.clean = fill(templates[number], words, where),
                .corrupted = fill(templates[number], docstring_corrupted(words, how, names), where),
                .answers = {" " + names[kAnswer]},
                .wrong = {},
                .template_name = std::to_string(number)};
    for (std::size_t i = 0; i < kNames; ++i) {
      if (i != kFunction && i != kAnswer) {
        draft.wrong.push_back(" " + names[i]);
      }
    }
    return draft;
  };
}

}  // namespace

TaskMaker docstring_maker() {
  return {
      .name = "docstring",
      .summary = "The parameter a Python docstring describes next",
      .source =
          "Heimersheim & Janiak 2023, A circuit for Python docstrings in a 4-layer "
          "attention-only transformer",
      .spans = {{"A_def", "the first documented parameter, in the definition"},
                {"B_def", "the second"},
                {"C_def", "the third: the answer"},
                {"A_doc", "the first, in the documentation"},
                {"B_doc", "the second"},
                {"end", "the last token, :param"}},
      .corruptions = {{"random_random",
                       "A, B, C in the definition and A, B in the documentation "
                       "become five unrelated names"},
                      {"random_def", "only those in the definition"},
                      {"random_doc", "only those in the documentation"},
                      {"random_answer", "only C in the definition"}},
      .words = docstring_words(),
      .open = open_docstring,
  };
}

}  // namespace headscope
