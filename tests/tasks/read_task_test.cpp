// Task files: what is read, what is refused and where, and what is written.
#include "analyses/task/maker.h"
#include "analyses/task/task.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"
#include "tests/tasks/word_tokenizer.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const Tokenizer& read_task_words() {
  static const Tokenizer tokenizer = word_tokenizer("gpt2");
  return tokenizer;
}

Task read(const std::string& lines, TaskOptions options = {}, std::int64_t n_ctx = 100) {
  const TemporaryDirectory folder;
  return read_task(folder.write("t.jsonl", lines), &read_task_words(), n_ctx, 1000000, options);
}

std::string refusal(const std::string& lines, TaskOptions options = {}, std::int64_t n_ctx = 100) {
  try {
    read(lines, options, n_ctx);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

constexpr const char* kGood =
    R"({"clean": "I Mary gave Tom to", "corrupted": "I Anna gave Tom to", "answers": [" Mary"], )"
    R"("wrong": [" Tom"], "spans": {"IO": [1, 2], "end": [4, 5]}, "template": 3})";

std::string with(const std::string& from, const std::string& to) {
  std::string line = kGood;
  const std::size_t at = line.find(from);
  REQUIRE(at != std::string::npos);
  return line.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a line is a pair of prompts, answers, spans and a template") {
  const Task task = read(std::string(kGood) + "\n\n" + with("Anna", "John"));
  REQUIRE(task.items.size() == 2);
  const TaskItem& item = task.items[0];
  CHECK(task.name == "t");
  CHECK(item.id == "0");
  CHECK(task.items[1].id == "1");
  CHECK(item.clean.tokens == read_task_words().encode("I Mary gave Tom to"));
  CHECK(item.corrupted.tokens == read_task_words().encode("I Anna gave Tom to"));
  CHECK(item.clean.pieces[1] == " Mary");
  CHECK(item.answers == std::vector<TokenId>{*read_task_words().single(" Mary")});
  CHECK(item.wrong == std::vector<TokenId>{*read_task_words().single(" Tom")});
  CHECK(item.clean.spans.at("end") == Span{4, 5});
  CHECK(item.corrupted.spans == item.clean.spans);
  CHECK(item.template_name == "3");
}

TEST_CASE("lines of tokens need no tokenizer") {
  const TemporaryDirectory folder;
  const auto path = folder.write(
      "t.jsonl",
      R"({"clean_tokens": [5, 6], "corrupted_tokens": [5, 7], "answer_tokens": [8, 9], "id": "a"})");
  const Task task = read_task(path, nullptr, 10, 10, {});
  CHECK(task.items[0].clean.tokens == std::vector<TokenId>{5, 6});
  CHECK(task.items[0].answers == std::vector<TokenId>{8, 9});
  CHECK_THROWS_WITH(read_task(path, nullptr, 10, 9, {}), contains("9 is not a token below 9"));
  const auto text = folder.write("u.jsonl", kGood);
  CHECK_THROWS_WITH(read_task(text, nullptr, 10, 10, {}),
                    contains("u.jsonl:1") && contains("clean_tokens"));
}

TEST_CASE("what is written is what is read, and has its hash") {
  const Task task = read(std::string(kGood) + "\n" +
                         R"({"clean_tokens": [5, 6], "corrupted_tokens": [5, 7], )"
                         R"("answer_tokens": [8], "id": "pair"})");
  const TemporaryDirectory folder;
  const auto path = folder.path() / "new/t.jsonl";
  write_task(task, path);
  const Task again = read_task(path, &read_task_words(), 100, 1000000, {});
  CHECK(jsonl_of(again) == jsonl_of(task));
  CHECK(again.hash == task.hash);
  CHECK(task.hash.starts_with("xxh3:"));
  CHECK_THROWS_WITH(write_task(task, folder.path()), contains("is a folder"));
}

TEST_CASE("the hash tells tokens, answers, wrong ones, spans and templates apart") {
  const std::string hash = read(kGood).hash;
  CHECK(read(kGood).hash == hash);
  CHECK(read(with("\"template\"", "\"id\": \"x\", \"template\"")).hash == hash);
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"Anna", "John"},
                                                        {"[\" Tom\"]", "[\" Anna\"]"},
                                                        {"[\" Mary\"]", "[\" Anna\"]"},
                                                        {"[1, 2]", "[1, 3]"},
                                                        {"IO", "OI"},
                                                        {": 3", ": 4"}}) {
    CHECK(read(with(from, to)).hash != hash);
  }
}

TEST_CASE("every mistake is named with its line") {
  const std::string good = std::string(kGood) + "\n";
  for (const auto& [line, message] : std::vector<std::pair<std::string, std::string>>{
           {"{\"clean\": ", "malformed JSON"},
           {"[1]", "JSON object"},
           {with("wrong", "wrnog"), "unknown key \"wrnog\"; did you mean wrong"},
           {with("\"template\": 3", "\"clean\": \"x\""), "\"clean\" stands twice"},
           {with("[4, 5]}", "[4, 5], \"end\": [3, 4]}"), "\"end\" stands twice"},
           {with("I Anna", "I Anna gave"), "clean has 5 tokens, corrupted 6"},
           {with("I Anna", "I Mary"), "same prompt"},
           {with("[\" Mary\"]", "[\" Mary Tom\"]"), "\" Mary Tom\" is not one token"},
           {with("[\" Mary\"]", "[\"\"]"), "not a text"},
           {with("[\" Mary\"]", "[]"), "no answers"},
           {with("[\" Mary\"]", "\" Mary\""), "not a list"},
           {with("[\" Mary\"]", "[\" Tom\"]"), "stands twice among the answers"},
           {with("[4, 5]", "[4, 6]"), "span \"end\" [4, 6) does not lie in prompts of 5 tokens"},
           {with("[4, 5]", "[4, 4]"), "does not lie"},
           {with("[4, 5]", "[4]"), "not [begin, end)"},
           {with("\"clean\"", "\"clean_tokens\": [1], \"clean\""), "either \"clean\" or"},
           {with("\"clean\": \"I Mary gave Tom to\"", "\"clean_tokens\": [1]"),
            "both prompts as text"},
           {with("\"answers\": [\" Mary\"], ", ""), "either \"answers\" or"},
           {with(": 3", ": 3, \"n_tokens\": 6"), "made for prompts of 6 tokens"},
           {with(": 3", ": 3, \"id\": \"0\""), "the id \"0\" is that of"}}) {
    INFO(line);
    CHECK_THAT(refusal(good + line), contains("t.jsonl:2: ") && contains(message));
  }
  CHECK_THAT(refusal(good, {}, 4), contains("t.jsonl:1") && contains("context of 4"));
  CHECK_THAT(refusal(""), contains("t.jsonl: no items"));
  CHECK_THROWS_WITH(read_task("/nowhere/t.jsonl", nullptr, 1, 1, {}), contains("cannot open"));
  CHECK_THROWS_WITH(read_task("/tmp", nullptr, 1, 1, {}), contains("is a directory"));
}

TEST_CASE("lines for another model can be skipped, mistakes cannot") {
  const TaskOptions skip{.bos = PrependBos::automatic, .unfit = TaskOptions::Unfit::skip};
  const std::string unfit = with("I Anna", "I Anna gave") + "\n" +
                            with("[\" Mary\"]", "[\" Mary Tom\"]") + "\n" +
                            with(": 3", ": 3, \"n_tokens\": 6") + "\n";
  const Task task = read(unfit + kGood, skip);
  CHECK(task.items.size() == 1);
  CHECK(task.skipped == 3);
  CHECK(task.items[0].id == "3");
  CHECK_THAT(refusal(unfit, skip), contains("t.jsonl:1") && contains("none of 3 lines fits"));
  CHECK_THAT(refusal(unfit + with("I Anna", "I Mary"), skip), contains("same prompt"));
}

TEST_CASE("a template that ends every text is named, not the answers") {
  Json file = read_json(HEADSCOPE_SOURCE_DIR "/data/fixtures/models/llama/tokenizer.json");
  const Json text{{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const Json end{{"SpecialToken", {{"id", "</end>"}, {"type_id", 0}}}};
  file["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single", Json::array({text, end})},
                            {"special_tokens", {{"</end>", {{"ids", Json::array({1})}}}}}};
  const TemporaryDirectory folder;
  folder.write("tokenizer.json", file.dump());
  const Tokenizer tokenizer = Tokenizer::from_directory(folder.path());
  REQUIRE(tokenizer.appended() == std::vector<TokenId>{1});
  const auto lines = folder.write(
      "t.jsonl", R"({"clean": "a", "corrupted": "b", "answers": ["c"], "wrong": ["d"]})");
  CHECK_THROWS_WITH(read_task(lines, &tokenizer, 100, 288, {}),
                    contains("template puts \"<|endoftext|>\" after every text"));
  CHECK_THROWS_WITH(
      make_task("greater_than", tokenizer, {.n = 2, .corruption = {}, .templates = {}}),
      contains("greater_than: the tokenizer's template puts \"<|endoftext|>\""));
}
