// Ids and decoded text equal those of Hugging Face and sentencepiece on 10,500 strings, for every
// family's pipeline.
#include <cstdlib>

#include <fmt/format.h>

#include "lib/base/json.h"
#include "lib/weights/gguf.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"
#include "tests/text/fixtures.h"

using namespace headscope;

namespace {

std::string shown(const std::string& text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

// The first few differences, so that a failure says where to look.
std::vector<std::string> differences(const Tokenizer& tokenizer, const std::string& name) {
  const auto strings = fixtures::strings();
  const auto expected = fixtures::expected(name);
  std::vector<std::string> found;
  if (strings.size() < 10'000 || strings.size() != expected.size()) {
    return {"strings.bin and the expected values do not fit together"};
  }
  for (std::size_t i = 0; i < strings.size() && found.size() < 5; ++i) {
    const auto ids = tokenizer.encode(strings[i]);
    if (fixtures::fnv(ids.data(), 4 * ids.size()) != expected[i].ids) {
      found.push_back(fmt::format("ids of string {}: {}", i, shown(strings[i])));
    }
    const std::string text = tokenizer.decode(ids);
    if (fixtures::fnv(text.data(), text.size()) != expected[i].text) {
      found.push_back(fmt::format("decoded string {}: {}", i, shown(strings[i])));
    }
  }
  return found;
}

}  // namespace

TEST_CASE("every family's tokenizer.json gives Hugging Face's ids and text") {
  for (const char* name : {"gpt2",
                           "gpt2_prefix",
                           "gpt_neox",
                           "llama3",
                           "qwen2",
                           "smollm",
                           "tekken",
                           "llama2",
                           "llama2_metaspace",
                           "metaspace_split",
                           "gemma",
                           "punctuation",
                           "bert",
                           "bert_cased",
                           "t5",
                           "unigram_bytes"}) {
    CAPTURE(name);
    const auto tokenizer = Tokenizer::from_directory(fixtures::folder() / name);
    CHECK(differences(tokenizer, name) == std::vector<std::string>());
  }
}

TEST_CASE("a tokenizer.model alone gives sentencepiece's ids and text") {
  for (const char* name : {"spm_bpe", "spm_bpe_rules", "spm_unigram", "spm_unigram_bytes"}) {
    CAPTURE(name);
    const auto tokenizer = Tokenizer::from_directory(fixtures::folder() / name);
    CHECK(differences(tokenizer, name) == std::vector<std::string>());
  }
}

TEST_CASE("a vocabulary without tokenizer.json gives transformers' ids and text") {
  for (const char* name :
       {"vocab_gpt2", "vocab_qwen2", "vocab_roberta", "vocab_bert", "vocab_tiktoken"}) {
    CAPTURE(name);
    const auto tokenizer = Tokenizer::from_directory(fixtures::folder() / name);
    CHECK(differences(tokenizer, name) == std::vector<std::string>());
  }
}

TEST_CASE("SmolLM2's vocabulary in its GGUF gives Hugging Face's ids and text") {
  const std::filesystem::path path = test::cached_model();
  const GgufFile file(path);
  const auto tokenizer = Tokenizer::from_gguf(file.metadata(), path.string());
  CHECK(differences(tokenizer, "smollm2") == std::vector<std::string>());
  CHECK(tokenizer.vocab_size() == 49152);
  CHECK(tokenizer.kind() == "byte-level BPE (smollm)");
  CHECK_FALSE(tokenizer.prepends_bos());
  CHECK(tokenizer.single(" Mary").has_value());
}
