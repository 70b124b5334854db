// Template files: the user's own, and the published ones where they lie beside the repository.
#include "tests/support/published.h"

#include <algorithm>

#include "analyses/task/maker.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"
#include "tests/tasks/word_tokenizer.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const Tokenizer& published_words() {
  static const Tokenizer tokenizer = word_tokenizer("gpt2");
  return tokenizer;
}

Task make(const std::string& name, const std::filesystem::path& templates, std::int64_t n = 4) {
  MakeOptions options;
  options.n = n;
  options.templates = templates;
  return make_task(name, published_words(), options);
}

std::string refusal(const std::string& name, const std::string& file) {
  const TemporaryDirectory folder;
  try {
    make(name, folder.write("mine.json", file));
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("a user's lists replace ours, the others stay") {
  const TemporaryDirectory folder;
  const auto mine = folder.write(
      "mine.json",
      R"({"templates": ["Then {IO} saw {S1} and {S2} waved to"], "places": ["park"]})");
  const Task task = make("ioi", mine);
  CHECK(task.items[0].clean.text.starts_with("Then "));
  CHECK(task.items[0].template_name == "0 ABBA");
  CHECK(task.items[1].template_name == "0 BABA");
}

TEST_CASE("mistakes in a template file are named") {
  CHECK_THAT(refusal("ioi", R"({"template": ["x"]})"),
             contains("mine.json: unknown key \"template\"; did you mean templates"));
  CHECK_THAT(refusal("ioi", R"({"templates": ["{IO} and {S1} met"]})"),
             contains("mine.json: templates: no {S2} in"));
  CHECK_THAT(refusal("ioi", R"({"templates": ["{IO} and {S1} met. {S2} told "]})"),
             contains("ends in a blank"));
  CHECK_THAT(refusal("ioi", R"({"templates": ["{IO} and {S1} in {TOWN}. {S2} told"]})"),
             contains("no slot {TOWN}") && contains("{PLACE}"));
  CHECK_THAT(refusal("ioi", R"({"templates": ["{IO} and {S1} met. {S2} told {IO"]})"),
             contains("without its }"));
  CHECK_THAT(refusal("ioi", R"({"names": "Mary"})"), contains("names is not a list"));
  CHECK_THAT(refusal("ioi", R"({"names": ["Mary", "Mary"]})"), contains("\"Mary\" twice"));
  CHECK_THAT(refusal("ioi", R"({"names": ["Mary", "John"]})"), contains("2 of 2 are one token"));
  CHECK_THAT(refusal("ioi", "[]"), contains("JSON object"));
  CHECK_THAT(refusal("capitals", R"({"capitals": [["France"]]})"), contains("is not 2 texts"));
  CHECK_THAT(refusal("capitals", R"({"capitals": [["France", "Paris"]]})"),
             contains("2 are needed"));
  CHECK_THAT(refusal("colored_objects", "[[\"x\"]]"), contains("_mindiff"));
}

TEST_CASE("more items than there are is an error, not a repetition") {
  CHECK_THAT(refusal("gendered_pronouns",
                     R"({"templates": ["So {NAME} said"], "women": ["Mary"], "men": ["John"]})"),
             contains("2 different items"));
}

TEST_CASE("the published IOI templates") {
  const auto file = published("ioi/ioi_templates.json");
  const Task task = make("ioi", file, 30);
  for (const TaskItem& item : task.items) {
    const std::string name = item.answer_texts[0];
    const std::string& text = item.clean.text;
    CHECK(text.find(name) == text.rfind(name));  // IO once, and not at the end
    const std::string subject = item.wrong_texts[0];
    CHECK(text.find(subject) != text.rfind(subject));
    CHECK_FALSE(text.ends_with(name));
  }
  CHECK(task.items[28].template_name == "14 BABA");  // as published, then the other order
  CHECK(task.items[29].template_name == "14 ABBA");
}

TEST_CASE("the published colored objects") {
  const auto file = published("colored_objects/cobjs_data_42.json");
  const Json rows = read_json(file);
  const Task task = make("colored_objects", file, 20);
  for (const TaskItem& item : task.items) {
    const auto row = std::find_if(
        rows.begin(), rows.end(), [&](const Json& each) { return each[0] == item.clean.text; });
    REQUIRE(row != rows.end());
    CHECK((*row)[1] == item.answer_texts[0]);
    for (const std::string name : {"C1", "O1", "C2", "O2", "C3", "O3", "ASKED", "end"}) {
      CHECK(item.clean.spans.contains(name));
    }
  }
  CHECK_THROWS_WITH(
      make("colored_objects", published("colored_objects/cobjs_mindiff_data_42.json")),
      contains("twin"));
}
