// Every generator on tokenizers of several families: the same promises for all.
#include "analyses/task/maker.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/tasks/word_tokenizer.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Task make(const std::string& name, const Tokenizer& tokenizer, std::uint64_t seed = 0) {
  MakeOptions options;
  options.n = 12;
  options.seed = seed;
  return make_task(name, tokenizer, options);
}

// What read_task() promises, and what a file of the task must still say.
void check_task(const Task& task, const TaskMaker& maker, const Tokenizer& tokenizer) {
  const TemporaryDirectory folder;
  write_task(task, folder.path() / "t.jsonl");
  const Task read =
      read_task(folder.path() / "t.jsonl", &tokenizer, 4096, tokenizer.vocab_size(), {});
  CHECK(read.hash == task.hash);
  CHECK(read.items.size() == task.items.size());
  for (const TaskItem& item : task.items) {
    CHECK(item.clean.tokens.size() == item.corrupted.tokens.size());
    CHECK(item.clean.tokens != item.corrupted.tokens);
    CHECK(!item.answers.empty());
    CHECK(!item.wrong.empty());
    const auto end = static_cast<std::int64_t>(item.clean.tokens.size());
    CHECK(item.clean.spans.at("end") == Span{end - 1, end});
    for (const auto& span : maker.spans) {
      INFO(span.name);
      CHECK(item.clean.spans.contains(std::string(span.name)));
    }
  }
}

}  // namespace

TEST_CASE("every task fits every kind of tokenizer, for every corruption") {
  for (const TaskMaker& maker : all_task_makers()) {
    for (const auto& [name, tokenizer] : tokenizers()) {
      for (const auto& corruption : maker.corruptions) {
        INFO(maker.name << " on " << name << ", " << corruption.name);
        MakeOptions options;
        options.n = 6;
        options.corruption = corruption.name;
        check_task(make_task(std::string(maker.name), tokenizer, options), maker, tokenizer);
      }
    }
  }
}

TEST_CASE("the same seed gives the same file, another seed another") {
  for (const TaskMaker& maker : all_task_makers()) {
    INFO(maker.name);
    const std::string name(maker.name);
    const Tokenizer& tokenizer = tokenizers()[0].second;
    const Task task = make(name, tokenizer);
    CHECK(jsonl_of(make(name, tokenizer)) == jsonl_of(task));
    CHECK(make(name, tokenizer, 1).hash != task.hash);
  }
}

TEST_CASE("tasks that cannot be made say why") {
  const Tokenizer& tokenizer = tokenizers()[0].second;
  CHECK_THROWS_WITH(make("iio", tokenizer), contains("did you mean ioi"));
  MakeOptions options;
  options.corruption = "acb";
  CHECK_THROWS_WITH(make_task("ioi", tokenizer, options), contains("did you mean abc"));
  options = {};
  options.n = 0;
  CHECK_THROWS_AS(make_task("ioi", tokenizer, options), UsageError);
  const Tokenizer small = Tokenizer::from_directory(fixtures::folder() / "gpt2");
  CHECK_THROWS_WITH(make("ioi", small), contains("names") && contains("one token"));
}
