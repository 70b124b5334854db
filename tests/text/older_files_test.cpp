// Tokenizers in files older than tokenizer.json: what decides, what is refused, and what happens
// when a directory says one thing twice. That they give the right ids is in equality_test.cpp.
#include <algorithm>
#include <fstream>
#include <random>

#include <fmt/format.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/sentence_piece_file.h"
#include "lib/text/tokenizer.h"
#include "tests/support/catch.h"
#include "tests/text/fixtures.h"

using namespace headscope;

namespace {

namespace fs = std::filesystem;
using Ids = std::vector<TokenId>;

// A folder with files of fixtures, and others; removed at the end.
class OlderFiles {
 public:
  OlderFiles() { fs::create_directories(path_); }
  ~OlderFiles() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  OlderFiles(const OlderFiles&) = delete;
  OlderFiles& operator=(const OlderFiles&) = delete;

  OlderFiles& copy(const char* fixture, const char* file) {
    return write(file, fixtures::read_file(fixtures::folder() / fixture / file));
  }
  OlderFiles& write(const char* name, const std::string& content) {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return *this;
  }
  [[nodiscard]] Tokenizer load() const { return Tokenizer::from_directory(path_); }
  [[nodiscard]] std::string refused() const {
    try {
      (void)load();
    } catch (const DataError& error) {
      return error.what();
    }
    return "loaded";
  }

 private:
  fs::path path_ = fs::temp_directory_path() / fmt::format("headscope-older-files-{}", ::getpid());
};

std::string model_bytes(const char* fixture) {
  return fixtures::read_file(fixtures::folder() / fixture / "tokenizer.model");
}

std::string field(int number, int type, const std::string& bytes) {
  std::string out(1, static_cast<char>(number << 3 | type));
  if (type == 2) {
    out += static_cast<char>(bytes.size());
  }
  return out + bytes;
}

// A piece of `type`, of score 0.
std::string piece(const std::string& text, char type) {
  return field(1, 2, field(1, 2, text) + field(3, 0, {type}));
}

std::string parse_error(const std::string& bytes) {
  try {
    (void)SentencePieceFile::parse(bytes, "m");
  } catch (const DataError& error) {
    return error.what();
  }
  return "read";
}

}  // namespace

TEST_CASE("tokenizer_config.json decides what is put around the pieces of a tokenizer.model") {
  OlderFiles folder;
  folder.copy("spm_bpe", "tokenizer.model");
  const Tokenizer plain = folder.load();
  CHECK(plain.kind() == "SentencePiece BPE with byte fallback");
  REQUIRE(plain.bos() == TokenId{1});
  CHECK(plain.eos() == TokenId{2});
  CHECK(plain.is_end(2));
  const Ids ids = plain.encode("Zw");
  CHECK(ids.front() == 1);  // as it was trained, unless a file says no
  folder.write("tokenizer_config.json", R"({"add_bos_token": false, "add_eos_token": true})");
  Ids other(ids.begin() + 1, ids.end());
  other.push_back(2);
  CHECK(folder.load().encode("Zw") == other);
  CHECK(folder.load().hash() != plain.hash());
  folder.write("tokenizer_config.json", R"({"eos_token": "<s>"})");
  CHECK(folder.load().eos() == TokenId{1});
}

TEST_CASE("of pieces with equal scores the leftmost is joined first") {
  const auto tokenizer = Tokenizer::from_directory(fixtures::folder() / "spm_bpe");
  std::string cut;
  for (const TokenId id : tokenizer.encode("a///", PrependBos::no)) {
    cut += "|" + tokenizer.piece(id);
  }
  CHECK(cut == "| a|//|/");
}

TEST_CASE("the space before a text is put once, after every special token, or never") {
  OlderFiles folder;
  folder.copy("spm_bpe", "tokenizer.model");
  const auto pieces = [&](const char* config) {
    folder.write("tokenizer_config.json", config);
    const Tokenizer tokenizer = folder.load();
    std::string all;
    for (const TokenId id : tokenizer.encode("a</s>a", PrependBos::no)) {
      all += tokenizer.piece(id);
    }
    return all;
  };
  CHECK(pieces("{}") == " a</s>a");
  CHECK(pieces(R"({"legacy": true})") == " a</s> a");
  CHECK(pieces(R"({"add_prefix_space": false})") == "a</s>a");
}

TEST_CASE("a vocabulary says of which class it is, or is refused") {
  OlderFiles folder;
  folder.copy("vocab_gpt2", "vocab.json").copy("vocab_gpt2", "merges.txt");
  CHECK_THAT(folder.refused(), contains("GPT2Tokenizer, CodeGenTokenizer"));
  folder.write("config.json", R"({"model_type": "gpt_neo"})");
  CHECK(folder.load().encode("a").size() == 1);
  folder.write("merges.txt", "#version: 0.2\n\xC4\xA0 nowhere\n");
  CHECK_THAT(folder.refused(), contains("merge 0") && contains("nowhere"));
}

TEST_CASE("files that say a vocabulary twice must agree") {
  OlderFiles folder;
  folder.copy("gpt2", "tokenizer.json")
      .copy("vocab_gpt2", "vocab.json")
      .copy("vocab_gpt2", "merges.txt");
  CHECK(folder.refused() == "loaded");

  std::string merges = fixtures::read_file(fixtures::folder() / "vocab_gpt2/merges.txt");
  folder.write("merges.txt", merges.substr(0, merges.rfind('\n', merges.size() - 2) + 1));
  CHECK_THAT(folder.refused(), contains("merges.txt has '(none)' as merge"));
  folder.copy("vocab_gpt2", "merges.txt");

  Json vocab = Json::parse(fixtures::read_file(fixtures::folder() / "vocab_gpt2/vocab.json"));
  std::swap(vocab["a"], vocab["b"]);
  folder.write("vocab.json", vocab.dump());
  CHECK_THAT(folder.refused(),
             contains("vocab.json gives 'a' the id") && contains("tokenizer.json"));
  folder.copy("vocab_gpt2", "vocab.json").copy("spm_bpe", "tokenizer.model");
  CHECK_THAT(folder.refused(), contains("tokenizer.model gives '"));
  folder.write("tokenizer.model", "version https://git-lfs.github.com/spec/v1\n");
  CHECK(folder.refused() == "loaded");
}

TEST_CASE("a SentencePiece model that cannot be used is refused with its reason") {
  const std::string unknown = piece("<unk>", 2);
  CHECK(parse_error(unknown + piece("a", 1)) == "read");
  CHECK_THAT(parse_error(piece("a", 1)), contains("0 pieces stand for what is unknown"));
  CHECK_THAT(parse_error(unknown + piece("?", 2)), contains("2 pieces stand for"));
  CHECK_THAT(parse_error(unknown + piece("a", 1) + piece("a", 4)), contains("'a' is there"));
  CHECK_THAT(parse_error(unknown + piece("", 1)), contains("piece 1 is empty"));
  CHECK_THAT(parse_error(unknown + piece("\xFF", 1)), contains("no UTF-8"));
  CHECK_THAT(parse_error(unknown + piece("a", 7)), contains("unknown type 7"));
  CHECK_THAT(parse_error(unknown + field(2, 2, field(3, 0, "\x03"))), contains("(word)"));
  CHECK_THAT(parse_error(unknown + field(1, 0, "\x01")), contains("field 1 is no text"));
  CHECK_THAT(parse_error(unknown + "\x0a\x7f"), contains("127 bytes, of which 0"));
  CHECK_THAT(parse_error(unknown + std::string(11, '\xFF')), contains("ten bytes"));
  CHECK_THAT(parse_error(unknown + "\x0b"), contains("unknown type 3"));
  // byte_fallback (field 35) without the pieces of bytes
  CHECK_THAT(parse_error(unknown + field(2, 2, "\x98\x02\x01")), contains("<0x00>"));
}

TEST_CASE("damaged SentencePiece models are refused or cut texts, and nothing else happens") {
  OlderFiles folder;
  std::mt19937 random(5);
  for (const char* fixture : {"spm_bpe_rules", "spm_unigram_bytes"}) {
    const std::string whole = model_bytes(fixture);
    for (int round = 0; round < 150; ++round) {
      std::string bytes = whole;
      if (round % 3 == 0) {
        bytes.resize(random() % bytes.size());
      }
      for (int change = round % 3; change > 0; --change) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      folder.write("tokenizer.model", bytes);
      try {
        const Tokenizer tokenizer = folder.load();
        const auto encoded = tokenizer.encode("Zw\xC3\xB6lf \xE2\x85\xA7 ABCD <mask>  the 1 ");
        (void)tokenizer.decode(encoded);
      } catch (const DataError&) {
      }
    }
  }
}
