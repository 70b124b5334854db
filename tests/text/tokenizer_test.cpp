// What a user of Tokenizer sees: BOS choices, pieces, single tokens, errors; and its speed limits.
#include "lib/text/tokenizer.h"

#include <ctime>
#include <fstream>
#include <functional>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"
#include "tests/text/fixtures.h"

using namespace headscope;

namespace {

Tokenizer fixture(const std::string& name) {
  return Tokenizer::from_directory(fixtures::folder() / name);
}

// A directory with a tokenizer.json that differs from a fixture's, removed at the end.
struct Edited {
  std::filesystem::path directory =
      std::filesystem::path(HEADSCOPE_BINARY_DIR) / "tokenizer_test_directory";

  Edited(const std::string& name, const std::function<void(Json&)>& edit) {
    Json file = Json::parse(fixtures::read_file(fixtures::folder() / name / "tokenizer.json"));
    edit(file);
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    write("tokenizer.json", file.dump());
  }
  ~Edited() { std::filesystem::remove_all(directory); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory / name, std::ios::binary) << text;
  }
};

double seconds_to_encode(const Tokenizer& tokenizer, const std::string& text) {
  const std::clock_t begin = std::clock();  // processor time: a busy machine must not fail it
  const auto ids = tokenizer.encode(text, PrependBos::no);
  CHECK(ids.size() <= text.size() + 1);
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

std::string repeat(const std::string& part, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    text += part;
  }
  return text;
}

Json small_gguf() {
  return {{"tokenizer.ggml.model", "llama"},
          {"tokenizer.ggml.tokens",
           {"<unk>",
            "<s>",
            "</s>",
            "<0x0A>",
            "\xE2\x96\x81",
            "a",
            "b",
            "ab",
            "\xE2\x96\x81"
            "ab",
            "ba"}},
          {"tokenizer.ggml.scores", {0., 0., 0., 0., -1., -2., -3., -4., -5., -6.}},
          {"tokenizer.ggml.token_type", {2, 3, 3, 6, 1, 1, 1, 1, 1, 1}},
          {"tokenizer.ggml.bos_token_id", 1},
          {"tokenizer.ggml.eos_token_id", 2},
          {"tokenizer.ggml.unknown_token_id", 0}};
}

}  // namespace

TEST_CASE("BOS is put first as the template says, always or never") {
  const auto llama = fixture("llama3");
  REQUIRE(llama.bos() == llama.single("<s>"));
  CHECK(llama.prepends_bos());
  const auto with = llama.encode("Hi");
  const auto without = llama.encode("Hi", PrependBos::no);
  CHECK(with == llama.encode("Hi", PrependBos::yes));
  REQUIRE(with.size() == without.size() + 1);
  CHECK(with.front() == *llama.bos());

  const auto gpt2 = fixture("gpt2");
  CHECK_FALSE(gpt2.prepends_bos());
  CHECK_THROWS_AS(gpt2.encode("Hi", PrependBos::yes), UsageError);
  const Edited named("gpt2", [](Json&) {});
  named.write("tokenizer_config.json", R"({"bos_token": {"content": "<|endoftext|>"}})");
  const auto with_name = Tokenizer::from_directory(named.directory);
  CHECK(with_name.encode("Hi") == gpt2.encode("Hi"));
  CHECK(with_name.encode("Hi", PrependBos::yes).front() == 0);
  CHECK(with_name.hash() != gpt2.hash());
  named.write("tokenizer_config.json", R"({"bos_token": "<nowhere>"})");  // added, as transformers
  CHECK(Tokenizer::from_directory(named.directory).bos() == 900);
}

TEST_CASE("pieces put together are the text's bytes") {
  for (const char* name : {"gpt2", "qwen2", "gemma", "llama2"}) {
    const auto tokenizer = fixture(name);
    const std::string text = "Zw\xC3\xB6lf \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80  x\n1";
    std::string pieces;
    for (const TokenId id : tokenizer.encode(text, PrependBos::no)) {
      pieces += tokenizer.piece(id);
    }
    CHECK(pieces == (name == std::string("llama2") ? " " + text : text));
  }
  CHECK_THROWS_AS(fixture("gpt2").piece(-1), UsageError);
  CHECK(fixture("gpt2").decode({1 << 20}).empty());  // models may have rows without a token
  CHECK_FALSE(fixture("gpt2").single("When Mary and John").has_value());
}

TEST_CASE("PrependBos reads auto, yes and no") {
  CHECK(parse_prepend_bos("auto") == PrependBos::automatic);
  CHECK(to_string(parse_prepend_bos("no")) == "no");
  CHECK_THROWS_AS(parse_prepend_bos("maybe"), UsageError);
}

TEST_CASE("what headscope does not implement is refused by name") {
  const auto refused = [](const std::function<void(Json&)>& edit) {
    const Edited file("gpt2", edit);
    try {
      Tokenizer::from_directory(file.directory);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("loaded");
  };
  const auto split = [](const char* regex) {
    return Json{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}};
  };
  CHECK_THAT(refused([](Json& f) { f["model"]["dropout"] = 0.1; }), contains("dropout"));
  CHECK_THAT(refused([](Json& f) { f["model"]["type"] = "Unigram"; }), contains("Unigram"));
  CHECK_THAT(refused([](Json& f) {
               f["normalizer"] = {{"type", "Transliterate"}};
             }),
             contains("Transliterate"));
  CHECK_THAT(refused([](Json& f) { f["decoder"] = {{"type", "Cyrillic"}}; }), contains("Cyrillic"));
  CHECK_THAT(refused([](Json& f) {
               f["pre_tokenizer"] = {{"type", "UnicodeScripts"}};
             }),
             contains("UnicodeScripts"));
  CHECK_THAT(refused([](Json& f) {
               f["post_processor"] = {{"type", "Magic"}};
             }),
             contains("Magic"));
  CHECK_THAT(refused([](Json& f) { f["model"]["merges"][0] = "nope nope"; }), contains("nope"));
  CHECK_THAT(refused([&](Json& f) { f["pre_tokenizer"] = split(R"(\bx)"); }), contains("\\b"));
  CHECK_THAT(refused([&](Json& f) { f["pre_tokenizer"] = split("[a[b]]"); }), contains("class"));
  CHECK_THAT(refused([&](Json& f) { f["pre_tokenizer"] = split("(?m)."); }), contains("group"));
  CHECK_THAT(refused([&](Json& f) { f["pre_tokenizer"] = split("a{1,2}+"); }), contains("'+'"));
  CHECK_THAT(refused([&](Json& f) { f["pre_tokenizer"] = split("a**)"); }), contains("pattern"));
  CHECK_THAT(refused([](Json& f) { f["added_tokens"][0]["id"] = 5; }), contains("has id 5"));
  CHECK(refused([](Json&) {}) == "loaded");
}

TEST_CASE("merges may be written as strings or as pairs") {
  const Edited strings("gpt2", [](Json& file) {
    for (Json& merge : file["model"]["merges"]) {
      merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
    }
  });
  const std::string text = "When Mary and John went to the store";
  CHECK(Tokenizer::from_directory(strings.directory).encode(text) == fixture("gpt2").encode(text));
}

TEST_CASE("a SentencePiece vocabulary merges by score, spells spaces and falls back to bytes") {
  const auto tokenizer = Tokenizer::from_gguf(small_gguf(), "small.gguf");
  using Ids = std::vector<TokenId>;
  CHECK(tokenizer.encode("ab") == Ids{1, 8});
  CHECK(tokenizer.encode("aba", PrependBos::no) == Ids{8, 5});
  CHECK(tokenizer.encode("\n</s>b", PrependBos::no) == Ids{4, 3, 2, 4, 6});
  CHECK(tokenizer.encode("zz", PrependBos::no) == Ids{4, 0});  // neighbouring unknowns are one
  CHECK(tokenizer.decode({8, 3, 5}) == "ab\na");
  CHECK(tokenizer.piece(3) == "\n");
  CHECK(tokenizer.eos() == 2);
}

TEST_CASE("a run of spaces may be one token of a SentencePiece vocabulary") {
  Json metadata = small_gguf();
  metadata["tokenizer.ggml.tokens"].push_back("\xE2\x96\x81\xE2\x96\x81");
  metadata["tokenizer.ggml.scores"].push_back(-0.5);
  metadata["tokenizer.ggml.token_type"].push_back(1);
  const auto tokenizer = Tokenizer::from_gguf(metadata, "small.gguf");
  CHECK(tokenizer.encode("a  b", PrependBos::no) == std::vector<TokenId>{4, 5, 10, 6});
  CHECK(tokenizer.encode("   ", PrependBos::no) == std::vector<TokenId>{10, 10});
}

TEST_CASE("GGUF vocabularies we cannot read are refused by name") {
  const auto refused = [](const char* key, const Json& value) {
    Json metadata = small_gguf();
    metadata[key] = value;
    try {
      Tokenizer::from_gguf(metadata, "small.gguf");
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("loaded");
  };
  CHECK_THAT(refused("tokenizer.ggml.model", "t5"), contains("t5"));
  CHECK_THAT(refused("tokenizer.ggml.bos_token_id", 99), contains("bos_token_id is 99"));
  CHECK_THAT(refused("tokenizer.ggml.scores", {1.0}), contains("scores has 1 entries"));
  CHECK_THAT(refused("tokenizer.ggml.token_type", nullptr), contains("loaded"));
  Json metadata = small_gguf();
  metadata["tokenizer.ggml.model"] = "gpt2";
  metadata["tokenizer.ggml.pre"] = "no-such-pre";
  CHECK_THROWS_WITH(Tokenizer::from_gguf(metadata, "x.gguf"), contains("no-such-pre"));
}

TEST_CASE("a megabyte of one word, of spaces, of one emoji or of marks takes no quadratic time") {
  constexpr std::size_t kMegabyte = 1 << 20;
  for (const char* name :
       {"gpt2", "qwen2", "llama3", "smollm", "llama2", "gemma", "metaspace_split"}) {
    const auto tokenizer = fixture(name);
    for (const char* part : {"a",
                             "abcab",
                             " ",
                             "\t ",
                             "\n",
                             "1",
                             "<",
                             "\xF0\x9F\x98\x80",
                             "\xCC\x80\xCC\x96",
                             "\xE1\x84\x92"}) {
      CAPTURE(name, part);
      // Linear work takes 0.1 to 0.5 s; the bound leaves room for sanitizers and a busy machine,
      // and a quadratic step would take hours.
      CHECK(seconds_to_encode(tokenizer, repeat(part, kMegabyte)) < 30.0);
    }
  }
}

TEST_CASE("a pattern that explodes ends in an error, not in a hang") {
  const Edited file("gpt2", [](Json& f) {
    f["pre_tokenizer"] = {
        {"type", "Split"}, {"pattern", {{"Regex", "(a+)+$|(a|a)*b"}}}, {"behavior", "Isolated"}};
  });
  const auto tokenizer = Tokenizer::from_directory(file.directory);
  CHECK_THROWS_AS(tokenizer.encode(repeat("a", 200) + "c"), DataError);
}
