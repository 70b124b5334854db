// tokenize --compare: the step and the byte where two tokenizers part, and what that means for the
// exit code.
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope::test;

namespace {

std::string text_fixture(const std::string& name) {
  return std::string(HEADSCOPE_SOURCE_DIR) + "/data/fixtures/text/" + name;
}

}  // namespace

TEST_CASE("tokenize --compare shows where two tokenizers part, and fails where they do") {
  const std::string ours = text_fixture("qwen2");
  const Folder folder;
  auto edited = headscope::Json::parse(contents(ours + "/tokenizer.json"));
  edited["normalizer"] = nullptr;
  const std::string theirs = folder / "plain.json";
  put(theirs, edited.dump());

  const Outcome same = run({"tokenize", ours, "--compare", theirs, "--prompt", "caf\xC3\xA9"});
  CHECK(same.code == 0);
  CHECK_THAT(same.out, contains("1 text: the same ids"));

  const Outcome other =
      run({"tokenize", ours, "--compare", theirs, "--prompt", "a cafe\xCC\x81", "--json"});
  CHECK(other.code == 3);
  CHECK(is_one_line(other.err));
  CHECK_THAT(other.err, contains("byte 5") && contains("normalizer"));
  const auto difference = other.json().at("difference");
  CHECK(difference.at("offset") == 5);
  CHECK(difference.at("step") == "normalizer");
  CHECK(difference.at("our_id") != difference.at("their_id"));

  put(folder / "texts", "\"a\"\n\"e\\u0301\"\n");
  const Outcome lines =
      run({"tokenize", ours, "--compare", theirs, "--jsonl"}, "cat " + (folder / "texts") + " |");
  CHECK(lines.code == 3);
  CHECK_THAT(lines.err, contains("standard input:2"));
  CHECK(run({"tokenize", ours, "--compare", theirs, "--chat", "x.json"}).code == 2);
}
