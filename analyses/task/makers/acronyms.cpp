// Acronyms: the last letter of three words' initials, in a bracket that has the first two.
#include "analyses/task/makers/all.h"
#include "analyses/task/makers/embedded_words.h"

namespace headscope {
namespace {

Words words_of(const std::vector<std::string>& three) {
  return {{"W1", three[0]},
          {"W2", three[1]},
          {"W3", three[2]},
          {"LETTERS", three[0].substr(0, 1) + three[1].substr(0, 1)}};
}

DrawDraft open_acronyms(const MakerContext& context) {
  return [templates = context.templates({"W1", "W2", "W3", "LETTERS"}),
          where = context.words.where("templates"),
          how = context.corruption,
          list = context.single("words", 6)](Random& random, std::size_t turn) {
    const std::size_t number = turn % templates.size();
    const auto drawn = random.sample(list, 6);
    const std::vector<std::string> clean(drawn.begin(), drawn.begin() + 3);
    const std::vector<std::string> other =
        how == "last" ? std::vector<std::string>{drawn[0], drawn[1], drawn[5]}
                      : std::vector<std::string>{drawn[3], drawn[4], drawn[5]};
    return Draft{.clean = fill(templates[number], words_of(clean), where),
                 .corrupted = fill(templates[number], words_of(other), where),
                 .answers = {clean[2].substr(0, 1)},
                 .wrong = {other[2].substr(0, 1)},
                 .template_name = std::to_string(number)};
  };
}

}  // namespace

TaskMaker acronyms_maker() {
  return {
      .name = "acronyms",
      .summary = "The third letter of an acronym whose words have just been read",
      .source = "García-Carrasco et al. 2024, How does GPT-2 predict acronyms?, arXiv 2405.04156",
      .spans = {{"W1", "the first word"},
                {"W2", "the second"},
                {"W3", "the third, whose initial is the answer"},
                {"LETTERS", "the two letters already written"},
                {"end", "the last token"}},
      .corruptions = {{"last", "another third word"}, {"all", "three other words"}},
      .words = acronyms_words(),
      .open = open_acronyms,
  };
}

}  // namespace headscope
