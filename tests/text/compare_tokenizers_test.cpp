// The first difference of two tokenizers is named by the step that makes it and lies where it is.
#include "lib/text/compare_tokenizers.h"

#include <fstream>
#include <functional>

#include <fmt/format.h>
#include <unistd.h>

#include "lib/base/json.h"
#include "lib/text/tokenizer_directory.h"
#include "lib/text/tokenizer_impl.h"
#include "tests/support/catch.h"
#include "tests/text/fixtures.h"

using namespace headscope;

namespace {

namespace fs = std::filesystem;
using Parts = std::shared_ptr<const Tokenizer::Impl>;

Parts as_published(const char* fixture) {
  return read_tokenizer_file(fixtures::folder() / fixture / "tokenizer.json");
}

Parts with_edit(const char* fixture, const std::function<void(Json&)>& edit) {
  Json file = Json::parse(fixtures::read_file(fixtures::folder() / fixture / "tokenizer.json"));
  edit(file);
  const fs::path path =
      fs::temp_directory_path() / fmt::format("headscope-compared-{}.json", ::getpid());
  std::ofstream(path) << file.dump();
  Parts parts = read_tokenizer_file(path);
  fs::remove(path);
  return parts;
}

// "step offset ours/theirs"
std::string difference(const Parts& ours, const Parts& theirs, const std::string& text) {
  const auto found = first_difference(*ours, *theirs, text);
  return found
             ? fmt::format(
                   "{} {} {}/{}", to_string(found->step), found->offset, found->ours, found->theirs)
             : "same";
}

}  // namespace

TEST_CASE("tokenizers that give the same ids do not differ, however they get there") {
  const auto gpt2 = as_published("gpt2");
  CHECK(difference(gpt2, gpt2, "It's 12 <|endoftext|> \xC3\xA9") == "same");
  const auto pieces = read_tokenizer_directory(fixtures::folder() / "spm_bpe");
  CHECK(difference(pieces, pieces, "Zw\xC3\xB6lf") == "same");
}

TEST_CASE("a difference is told by its step, and where in the text it lies") {
  const auto plain = as_published("qwen2");
  const auto without = [](const char* step) {
    return with_edit("qwen2", [&](Json& file) { file[step] = nullptr; });
  };
  // e and an accent: one character in NFC, the first byte of which differs.
  CHECK_THAT(difference(plain, without("normalizer"), "ab e\xCC\x81 c"),
             starts_with("normalizer 3 "));

  const auto digits = with_edit("qwen2", [](Json& file) {
    auto& regex = file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
    std::string text = regex;
    text.insert(text.find(R"(\p{N})") + 5, "{1,3}");
    regex = text;
  });
  std::string found = difference(plain, digits, "see 2024");
  CHECK((found == "same" || starts_with("pre-tokenizer 4 2/202").match(found)));

  const auto shorter = with_edit("qwen2", [](Json& file) {
    auto& merges = file["model"]["merges"];
    merges.erase(merges.begin() + static_cast<std::ptrdiff_t>(merges.size() / 2), merges.end());
  });
  const std::string words = "the quick brown fox jumps over the lazy dog with attention";
  CHECK_THAT(difference(plain, shorter, words), starts_with("model "));
  const auto model = first_difference(*plain, *shorter, words);
  REQUIRE(model.has_value());
  CHECK(words.substr(model->offset, 1).find_first_of(" t") == 0);
  CHECK(model->our_id != model->their_id);

  const auto forgetful = with_edit("qwen2", [](Json& file) { file["added_tokens"].erase(1); });
  CHECK(difference(plain, forgetful, "ab<|im_start|>c") == "special tokens 2 ab/ab<|im_start|>c");
  const auto bos = as_published("llama3");
  const auto no_bos = with_edit("llama3", [](Json& file) { file["post_processor"] = nullptr; });
  CHECK(difference(bos, no_bos, "ab") == "special tokens 0 <s>/");
}

TEST_CASE("a difference after a special token and a normalised word lies at its own byte") {
  const auto plain = as_published("qwen2");
  const auto spaced = with_edit("qwen2", [](Json& file) { file["normalizer"] = nullptr; });
  const std::string text = "\xC3\xA9<|im_end|> x e\xCC\x81";
  const auto found = first_difference(*plain, *spaced, text);
  REQUIRE(found.has_value());
  CHECK(found->offset == text.size() - 3);
}
