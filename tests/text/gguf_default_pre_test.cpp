// GGUF vocabularies that do not say how text is cut, and their ends of a response.
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/warning.h"
#include "lib/text/tokenizer.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

// Byte-level tokens with the merges `merges` ("\xC4\xA0 x" is " " and "x").
Json byte_level_gguf(const std::vector<std::string>& letters,
                     const std::vector<std::string>& merges) {
  Json tokens = {"<eos>", "<eot>"};
  for (const std::string& letter : letters) {
    tokens.push_back(letter);
  }
  for (std::string merge : merges) {
    merge.erase(merge.find(' '), 1);
    tokens.push_back(merge);
  }
  Json types = Json::array();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    types.push_back(i < 2 ? 3 : 1);
  }
  return {{"tokenizer.ggml.model", "gpt2"},
          {"tokenizer.ggml.tokens", tokens},
          {"tokenizer.ggml.token_type", types},
          {"tokenizer.ggml.merges", merges},
          {"tokenizer.ggml.eos_token_id", 0}};
}

// What is said while a tokenizer is read.
std::vector<std::string> warnings_of(const Json& metadata) {
  std::vector<std::string> said;
  set_warning_sink([&](const std::string& text) { said.push_back(text); });
  try {
    (void)Tokenizer::from_gguf(metadata, "m.gguf");
  } catch (...) {
    set_warning_sink({});
    throw;
  }
  set_warning_sink({});
  return said;
}

constexpr const char* kNewline = "\xC4\x8A";  // "\n" in GPT-2's alphabet

}  // namespace

TEST_CASE("a GGUF vocabulary that does not say how text is cut is warned of") {
  const std::string two = std::string(kNewline) + " " + kNewline;
  Json metadata = byte_level_gguf({kNewline, "x"}, {two});
  for (const char* pre : {"", "default"}) {
    if (*pre != '\0') {
      metadata["tokenizer.ggml.pre"] = pre;
    }
    const auto said = warnings_of(metadata);
    REQUIRE(said.size() == 1);
    CHECK_THAT(said[0], contains("m.gguf") && contains("tokenizer.ggml.pre") && contains("GPT-2"));
  }
  metadata["tokenizer.ggml.pre"] = "qwen2";
  CHECK(warnings_of(metadata).empty());
  CHECK(Tokenizer::from_gguf(metadata, "m.gguf").encode("\n\nx") == std::vector<TokenId>{4, 3});
}

TEST_CASE("a vocabulary that cannot be GPT-2's is refused where the file does not say its rule") {
  const std::string line = std::string(". ") + kNewline;  // ".\n" of Llama 3 and Qwen
  for (const auto& [letters, merge] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{".", kNewline}, line}, {{"(", "x"}, "( x"}}) {
    Json metadata = byte_level_gguf(letters, {merge});
    CHECK_THROWS_AS(warnings_of(metadata), DataError);
    CHECK_THROWS_WITH(
        warnings_of(metadata),
        contains("m.gguf") && contains("no tokenizer.ggml.pre") && contains("converted anew"));
    metadata["tokenizer.ggml.pre"] = "llama-bpe";
    CHECK(warnings_of(metadata).empty());
  }
  // GPT-2's own kinds: a word after a space, a run of digits, the beginning of "'re".
  CHECK(warnings_of(byte_level_gguf({"\xC4\xA0", "x", "1", "'", "r"}, {"\xC4\xA0 x", "1 1", "' r"}))
            .size() == 1);
}

TEST_CASE("a GGUF file's end of turn and lists of ends end a response") {
  Json metadata = byte_level_gguf({"x", "y", "z"}, {});
  metadata["tokenizer.ggml.pre"] = "gpt-2";
  metadata["tokenizer.ggml.eot_token_id"] = 1;
  const Tokenizer turn = Tokenizer::from_gguf(metadata, "m.gguf");
  CHECK(turn.eos() == 0);
  CHECK((turn.is_end(0) && turn.is_end(1) && !turn.is_end(2)));
  metadata["tokenizer.ggml.eos_token_id"] = {1, 3};
  metadata["tokenizer.ggml.eom_token_id"] = 4;
  metadata.erase("tokenizer.ggml.eot_token_id");
  const Tokenizer list = Tokenizer::from_gguf(metadata, "m.gguf");
  CHECK(list.eos() == 1);
  CHECK((!list.is_end(0) && list.is_end(1) && !list.is_end(2) && list.is_end(3) && list.is_end(4)));
  metadata["tokenizer.ggml.eot_token_id"] = 77;
  CHECK_THROWS_WITH(Tokenizer::from_gguf(metadata, "m.gguf"), contains("eot_token_id is 77"));
}
