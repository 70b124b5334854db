// How the words of a command are read.
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope::test;

namespace {

const std::string kWordsModel = model_path("llama");

void check_usage(const std::vector<std::string>& words, const std::string& says) {
  const Outcome outcome = run(words);
  INFO(outcome.err);
  CHECK(outcome.code == 2);
  CHECK(is_one_line(outcome.err));
  CHECK_THAT(outcome.err, contains(says));
}

// What `tokenize` was given, from the pieces it printed.
std::string text_of(const Outcome& outcome) {
  std::string text;
  const auto json = outcome.json();
  for (const auto& token : json.at("tokens")) {
    text += token.at("piece").get<std::string>();
  }
  return text;
}

Outcome tokenize(const std::vector<std::string>& prompt) {
  std::vector<std::string> words{"tokenize", kWordsModel};
  words.insert(words.end(), prompt.begin(), prompt.end());
  words.insert(words.end(), {"--prepend-bos", "no", "--json"});
  return run(words);
}

}  // namespace

TEST_CASE("a text that begins with dashes is a value") {
  for (const std::string text :
       {"--help me", "---\ntitle", "--prompt", "--json", "-o", "--", "-"}) {
    CAPTURE(text);
    const Outcome apart = tokenize({"--prompt", text});
    REQUIRE(apart.code == 0);
    CHECK(text_of(apart) == text);
    const Outcome joined = tokenize({"--prompt=" + text});
    REQUIRE(joined.code == 0);
    CHECK(joined.out == apart.out);
  }
  check_usage({"predict", kWordsModel, "--prompt", "--top", "1"},
              "--prompt took --top as its value");
  check_usage({"tokenize", kWordsModel, "--prompt", "a", "--help me"}, "no such option");
  check_usage({"tokenize", kWordsModel, "--prompt"}, "--prompt");
}

TEST_CASE("nothing behind an equals sign is an empty value and never takes the next word") {
  check_usage({"predict", kWordsModel, "--prompt", "a", "--dtype=", "bf16"}, "bf16");
  check_usage({"predict", kWordsModel, "--prompt", "a", "--top=", "5"}, "--top: is empty");
  const Outcome empty = tokenize({"--prompt="});
  REQUIRE(empty.code == 0);
  CHECK(text_of(empty).empty());
  CHECK(text_of(tokenize({"--prompt=a=b="})) == "a=b=");
}

TEST_CASE("an empty value is an error, not an option left out") {
  const std::string none = "/no/such/input";
  const std::vector<std::pair<std::vector<std::string>, std::string>> typed{
      {{"patch", none, "--task", none, "--memory="}, "--memory"},
      {{"patch", none, "--task", none, "--shard", ""}, "--shard"},
      {{"stats", none, "--text", none, "--maps="}, "--maps"},
      {{"detect", none, "--detector-file="}, "--detector-file"},
      {{"niah", none, "--haystack="}, "--haystack"},
      {{"record", none, "--prompt", "a", "--hooks=", "-o", "/no/such/t.h5"}, "--hooks"},
      {{"info", ""}, "MODEL"}};
  for (const auto& [words, name] : typed) {
    check_usage(words, name + ": is empty");
  }
  check_usage({"task", "make", "ioi", "--model", none, "-o", ""}, "without a name");
}

TEST_CASE("a number that no integer holds is not cut to the largest") {
  check_usage({"info", "/no/such/input", "--seed", "18446744073709551616"}, "--seed");
  CHECK(run({"info", kWordsModel, "--seed", "18446744073709551615"}).code == 0);
  check_usage({"predict", "/no/such/input", "--prompt", "a", "--top", "18446744073709551616"},
              "--top");
  check_usage({"detect", "/no/such/input", "--top", "99999999999999999999"}, "too large");
}

TEST_CASE("numbers from 0 up refuse a sign") {
  const std::string none = "/no/such/input";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"patch", none, "--task", none, "--top"},
        {"detect", none, "--top"},
        {"atlas", none, "--top"},
        {"stats", none, "--text", none, "--top"},
        {"dla", none, "--task", none, "--top"},
        {"info", none, "--seed"}}) {
    std::vector<std::string> apart = words;
    apart.emplace_back("-1");
    check_usage(apart, "-1");
    std::vector<std::string> joined = words;
    joined.back() += "=-1";
    check_usage(joined, "-1");
  }
}

TEST_CASE("braces that the shell took apart get a hint about quotes") {
  check_usage({"record",
               kWordsModel,
               "--prompt",
               "a",
               "--hooks",
               "blocks.0.attn.hook_z",
               "blocks.1.attn.hook_z",
               "-o",
               "/no/such/t.h5"},
              "quote");
  check_usage({"record",
               kWordsModel,
               "--prompt",
               "a",
               "--hooks=hook_embed",
               "hook_pos_embed",
               "-o",
               "/no/such/t.h5"},
              "quote");
}

TEST_CASE("far more threads than cores are not started") {
  const Outcome many = run({"predict", kWordsModel, "--prompt", "a b", "--threads", "4096"});
  CHECK(many.code == 0);
  CHECK_THAT(many.err, contains("--threads 4096"));
  CHECK(is_one_line(many.err));
}

TEST_CASE("sizes are read in any case") {
  const std::string none = "/no/such/input";
  for (const std::string size : {"4gb", "4GB", "4Gb", "512 mib", "4GiB", "1000000"}) {
    const Outcome outcome = run({"patch", none, "--task", none, "--memory", size});
    CHECK(outcome.code == 3);  // the model is what is missing
  }
}

TEST_CASE("a prompt that is not UTF-8 is refused by byte") {
  const Folder folder;
  const Outcome outcome = run({"record",
                               kWordsModel,
                               "--prompt",
                               "caf\xe9",
                               "--hooks",
                               "hook_embed",
                               "-o",
                               folder / "t.h5"});
  CHECK(outcome.code == 3);
  CHECK(is_one_line(outcome.err));
  CHECK_THAT(outcome.err, contains("byte 3 (0xe9)"));
  CHECK_FALSE(std::filesystem::exists(folder / "t.h5"));
}
