// One grammar: what means the same is spelled the same, and other usual spellings are taken.
#include "cli/manual/verb_text.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::string kGrammarModel = model_path("llama");

}  // namespace

TEST_CASE("dtypes by their other names") {
  const auto predicted = [](const std::string& dtype) {
    return run({"predict", kGrammarModel, "--prompt", "a b", "--dtype", dtype});
  };
  const std::pair<const char*, const char*> same[] = {
      {"half", "f16"}, {"fp16", "f16"}, {"float16", "f16"}, {"bfloat16", "bf16"}};
  for (const auto& [name, ours] : same) {
    INFO(name);
    const Outcome outcome = predicted(name);
    CHECK(outcome.code == 0);
    CHECK(outcome.out == predicted(ours).out);
  }
  CHECK(predicted("int8").code == 2);
}

TEST_CASE("MODEL is an operand of every verb that has one, and --model still is one") {
  const Folder folder;
  const auto made = [&](const std::vector<std::string>& model) {
    std::vector<std::string> words{"task", "make", "ioi"};
    words.insert(words.end(), model.begin(), model.end());
    words.insert(words.end(), {"-o", folder / "a"});
    return run(words);
  };
  const Outcome operand = made({kGrammarModel});
  CHECK(operand.code == 3);  // it was read: its tokenizer lacks the names
  CHECK_THAT(operand.err, contains("are one token"));
  CHECK(operand.err == made({"--model", kGrammarModel}).err);
  const Outcome none = run({"task", "make", "ioi", "-o", folder / "c"});
  CHECK(none.code == 2);
  CHECK_THAT(none.err, contains("MODEL"));
  const Outcome listed = run({"task", "list", "--model", kGrammarModel});
  CHECK(listed.code == 2);
  const Outcome reproduced = run({"reproduce", "ioi", "greater_than", "/no/such/model"});
  CHECK(reproduced.code == 3);  // greater_than is a name, the last word a model
  CHECK_THAT(reproduced.err, contains("/no/such/model"));
  CHECK(run({"reproduce", "ioi", "iio"}).code == 2);
}

TEST_CASE("tasks by either spelling") {
  CHECK(run({"task", "show", "greater-than"}).out == run({"task", "show", "greater_than"}).out);
}

TEST_CASE("--sight is --site misspelt") {
  const Outcome outcome = run({"patch", kGrammarModel, "--sight", "z"});
  CHECK(outcome.code == 2);
  CHECK_THAT(outcome.err, contains("did you mean --site"));
}

TEST_CASE("help says what options take in words") {
  for (const VerbText& verb : describe_verbs()) {
    for (const auto* list : {&verb.operands, &verb.options}) {
      for (const OptionText& option : *list) {
        INFO(verb.name << " " << option.names.front() << " " << option.value);
        CHECK(option.value.find("INT") == std::string::npos);
        CHECK(option.value.find("FLOAT") == std::string::npos);
        CHECK(option.value.find('{') == std::string::npos);
      }
    }
  }
  const std::string help = run({"patch", "--help"}).out;
  CHECK_THAT(help, contains("--from clean|corrupted (default clean)"));
  CHECK_THAT(help, contains("--threads NUMBER (0 to 4096; default 0)"));
  CHECK_THAT(help, contains("MODEL (required)"));
  CHECK_THAT(help, contains("--resume (not with --overwrite)"));
  CHECK(help.find("REQUIRED") == std::string::npos);
}
