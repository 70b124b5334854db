// What each task means: the answer follows from the clean prompt, what is wrong from the corrupted
// one, and the spans lie on the words they name. Read off the tokens, not off the generator.
#include <map>
#include <set>

#include "tests/tasks/cases.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("ioi: IO is the answer, S stands twice; each corruption does what it says") {
  const auto clean = [](const Case& c) {
    CHECK(c.clean["IO"] == c.answer());
    CHECK(c.clean["S1"] == c.wrong());
    CHECK(c.clean["S2"] == c.wrong());
    const auto& spans = c.item.clean.spans;
    CHECK(spans.at("S1+1") == Span{spans.at("S1").end, spans.at("S1").end + 1});
  };
  for_each("ioi", "abc", [&](const Case& c) {
    clean(c);
    const std::set<std::string> names{
        c.answer(), c.wrong(), c.corrupted["IO"], c.corrupted["S1"], c.corrupted["S2"]};
    CHECK(names.size() == 5);
  });
  for_each("ioi", "s2_io", [&](const Case& c) {
    clean(c);
    CHECK(c.corrupted["S2"] == c.answer());
    CHECK(c.corrupted["S1"] == c.wrong());
  });
  for_each("ioi", "names", [&](const Case& c) {
    clean(c);
    CHECK(c.corrupted["S1"] == c.corrupted["S2"]);
    CHECK(c.corrupted["S1"] != c.wrong());
    CHECK(c.corrupted["IO"] != c.answer());
  });
}

TEST_CASE("greater_than: later endings are right, others wrong") {
  for (const std::string corruption : {"low", "random"}) {
    for_each("greater_than", corruption, [&](const Case& c) {
      const std::string yy = c.clean["YY"];
      for (const std::string& right : c.item.answer_texts) {
        CHECK(right > yy);
        CHECK(right.size() == yy.size());
      }
      for (const std::string& wrong : c.item.wrong_texts) {
        CHECK(wrong <= yy);
      }
      CHECK(c.item.clean.text.ends_with(c.clean["CC"]));
      CHECK(c.clean["CC"].size() + yy.size() == 4);
      CHECK(c.corrupted["CC"] == c.clean["CC"]);
      CHECK(c.corrupted["YY"] != yy);
      CHECK((corruption != "low" || c.corrupted["YY"] == (yy.size() == 2 ? "01" : "0")));
    });
  }
}

TEST_CASE("greater_than takes two digits where a year is two tokens, one elsewhere") {
  for (const auto& [name, tokenizer] : tokenizers()) {
    MakeOptions options;
    options.n = 1;
    const Task task = make_task("greater_than", tokenizer, options);
    const std::size_t digits = name == "gpt2 with years" ? 2 : 1;
    INFO(name);
    CHECK(task.items[0].answer_texts[0].size() == digits);
  }
}

TEST_CASE("docstring: the third parameter, and which of its names a corruption replaces") {
  for (const std::string corruption :
       {"random_random", "random_def", "random_doc", "random_answer"}) {
    for_each("docstring", corruption, [&](const Case& c) {
      CHECK(c.clean["C_def"] == c.answer());
      CHECK(c.clean["A_def"] == c.clean["A_doc"]);
      CHECK(c.clean["B_def"] == c.clean["B_doc"]);
      CHECK(c.item.wrong.size() == 10);
      const bool def = corruption == "random_random" || corruption == "random_def";
      const bool doc = corruption == "random_random" || corruption == "random_doc";
      CHECK((c.corrupted["A_def"] != c.clean["A_def"]) == def);
      CHECK((c.corrupted["B_doc"] != c.clean["B_doc"]) == doc);
      CHECK((c.corrupted["C_def"] != c.answer()) == (corruption != "random_doc"));
    });
  }
}

TEST_CASE("induction: the last token stood before, and what followed it is the answer") {
  for (const std::string corruption : {"follower", "unrelated"}) {
    for_each("induction", corruption, [&](const Case& c) {
      const auto at = [](const Prompt& prompt, const std::string& span) {
        return prompt.tokens[static_cast<std::size_t>(prompt.spans.at(span).begin)];
      };
      CHECK(at(c.item.clean, "EARLIER") == c.item.clean.tokens.back());
      CHECK(at(c.item.clean, "FOLLOWER") == c.item.answers[0]);
      CHECK(at(c.item.corrupted, "FOLLOWER") == c.item.wrong[0]);
      const bool repeats = at(c.item.corrupted, "EARLIER") == c.item.corrupted.tokens.back();
      CHECK(repeats == (corruption == "follower"));
    });
  }
}
