// Broken tokenizer files and vocabularies throw DataError or load; they never crash or hang.
#include <algorithm>
#include <ctime>
#include <fstream>
#include <random>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/tokenizer.h"
#include "tests/support/catch.h"
#include "tests/text/fixtures.h"

using namespace headscope;

namespace {

const std::string kText = "When Mary's 2 \xE2\x96\x81 caf\xC3\xA9s \xF0\x9F\x98\x80\n<s>  \xFF";

std::size_t below(std::mt19937_64& random, std::size_t count) {
  return static_cast<std::size_t>(random() % count);
}

// A value of another type, or an odd one of the same.
Json odd_value(std::mt19937_64& random) {
  const Json values[] = {nullptr,
                         true,
                         -1,
                         0,
                         1u << 31,
                         1e300,
                         "",
                         "x",
                         "\xE2\x96\x81",
                         "(a+)+$",
                         Json::array(),
                         Json::object(),
                         "Sequence",
                         4294967296u,
                         "ByteLevel"};
  return values[below(random, std::size(values))];
}

// Replaces, erases or doubles one value somewhere.
void mutate(Json& value, std::mt19937_64& random) {
  if (!value.is_structured() || value.empty() || below(random, 8) == 0) {
    value = odd_value(random);
    return;
  }
  auto child = value.begin();
  std::advance(
      child, static_cast<std::ptrdiff_t>(below(random, std::min<std::size_t>(value.size(), 300))));
  if (below(random, 6) == 0) {
    value.erase(child);
  } else {
    mutate(*child, random);
  }
}

std::string flip_bytes(std::string bytes, std::mt19937_64& random) {
  for (std::size_t i = 0; i <= below(random, 4); ++i) {
    bytes[below(random, bytes.size())] = static_cast<char>(random());
  }
  return below(random, 5) == 0 ? bytes.substr(0, below(random, bytes.size())) : bytes;
}

// Loads and uses; any error but DataError (or, in use, UsageError) escapes and fails the test.
template <typename Load>
bool survives(const Load& load) {
  const std::clock_t begin = std::clock();  // processor time: a busy machine must not fail it
  bool loaded = false;
  try {
    const Tokenizer tokenizer = load();
    loaded = true;
    std::size_t bytes = tokenizer.decode(tokenizer.encode(kText)).size();
    for (TokenId id : tokenizer.encode(kText, PrependBos::no)) {
      bytes += tokenizer.piece(id).size();
    }
    CHECK(bytes < 10'000);
  } catch (const DataError& error) {
    CHECK(std::string(error.what()).size() > 10);
  }
  CHECK(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC < 1.0);
  return loaded;
}

}  // namespace

TEST_CASE("mutated tokenizer.json files throw DataError or load") {
  const auto directory = std::filesystem::path(HEADSCOPE_BINARY_DIR) / "mutation_test_directory";
  std::filesystem::create_directories(directory);
  std::mt19937_64 random(20240607);
  int loaded = 0;
  int broken = 0;
  for (const char* name : {"gpt2_prefix", "llama3", "llama2", "metaspace_split", "punctuation"}) {
    const std::string original = fixtures::read_file(fixtures::folder() / name / "tokenizer.json");
    const Json parsed = Json::parse(original);
    for (int i = 0; i < 60; ++i) {
      std::string bytes;
      if (i % 3 == 0) {
        bytes = flip_bytes(original, random);
      } else {
        Json file = parsed;
        const char* keys[] = {
            "model", "normalizer", "pre_tokenizer", "decoder", "post_processor", "added_tokens"};
        mutate(file[keys[below(random, std::size(keys))]], random);
        bytes = file.dump();
      }
      std::ofstream(directory / "tokenizer.json", std::ios::binary) << bytes;
      CAPTURE(name, i);
      (survives([&] { return Tokenizer::from_directory(directory); }) ? loaded : broken) += 1;
    }
  }
  std::filesystem::remove_all(directory);
  CHECK(loaded > 20);  // both outcomes happen, or the mutations are too tame or too wild
  CHECK(broken > 100);
}

TEST_CASE("mutated GGUF vocabularies throw DataError or load") {
  const Json model =
      Json::parse(fixtures::read_file(fixtures::folder() / "llama2/tokenizer.json"))["model"];
  Json tokens = Json::array();
  for (std::size_t i = 0; i < model["vocab"].size(); ++i) {
    tokens.push_back("");
  }
  Json scores = Json::array();
  for (const auto& [text, id] : model["vocab"].items()) {
    tokens[id.get<std::size_t>()] = text;
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    scores.push_back(-static_cast<double>(i));
  }
  Json merges = Json::array();
  for (const Json& merge : model["merges"]) {
    merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  }
  std::mt19937_64 random(7);
  int loaded = 0;
  for (int i = 0; i < 200; ++i) {
    Json metadata = {{"tokenizer.ggml.model", i % 2 == 0 ? "llama" : "gpt2"},
                     {"tokenizer.ggml.pre", "llama-bpe"},
                     {"tokenizer.ggml.tokens", tokens},
                     {"tokenizer.ggml.scores", scores},
                     {"tokenizer.ggml.merges", merges},
                     {"tokenizer.ggml.bos_token_id", 1},
                     {"tokenizer.ggml.add_bos_token", true}};
    auto entry = metadata.begin();
    std::advance(entry, static_cast<std::ptrdiff_t>(below(random, metadata.size())));
    if (i % 5 == 0) {
      metadata["tokenizer.ggml.tokens"][below(random, tokens.size())] = "\xFF\xE2";
    } else {
      mutate(*entry, random);
    }
    CAPTURE(i);
    loaded += survives([&] { return Tokenizer::from_gguf(metadata, "mutated.gguf"); }) ? 1 : 0;
  }
  CHECK(loaded > 10);
  CHECK(loaded < 190);
}
