// What the files beside tokenizer.json say. Every expected id is what transformers 5.24 gives
// (AutoTokenizer.from_pretrained of a folder with the same files).
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/warning.h"
#include "lib/text/tokenizer.h"
#include "tests/support/catch.h"
#include "tests/text/fixtures.h"

using namespace headscope;

namespace {

using Ids = std::vector<TokenId>;

// A folder with a fixture's tokenizer.json, `edit` made to it, and other files; removed at the end.
class TokenizerFolder {
 public:
  explicit TokenizerFolder(const std::filesystem::path& fixture,
                           const std::function<void(Json&)>& edit = {}) {
    std::filesystem::create_directories(path_);
    Json file = Json::parse(fixtures::read_file(fixture / "tokenizer.json"));
    if (edit) {
      edit(file);
    }
    write("tokenizer.json", file);
  }
  ~TokenizerFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TokenizerFolder(const TokenizerFolder&) = delete;
  TokenizerFolder& operator=(const TokenizerFolder&) = delete;

  TokenizerFolder& write(const char* name, const Json& content) {
    std::ofstream(path_ / name) << content.dump();
    return *this;
  }
  [[nodiscard]] Tokenizer load() const { return Tokenizer::from_directory(path_); }
  [[nodiscard]] Ids encode(const std::string& text) const { return load().encode(text); }

 private:
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / fmt::format("headscope-named-tokens-{}", ::getpid());
};

// 288 tokens: <|pad|> 0, <|endoftext|> 1; "a" is 99, "b" 100, " " 34.
std::filesystem::path small() {
  return std::filesystem::path(HEADSCOPE_SOURCE_DIR) / "data/fixtures/models/gpt2";
}

std::filesystem::path text_fixture(const char* name) {
  return fixtures::folder() / name;
}

Json token_spec(const char* content, const char* set = nullptr) {
  Json spec{{"content", content},
            {"lstrip", false},
            {"rstrip", false},
            {"normalized", false},
            {"single_word", false},
            {"special", true}};
  if (set != nullptr) {
    spec[set] = true;
  }
  return spec;
}

constexpr const char* kConfigFile = "tokenizer_config.json";
constexpr const char* kMapFile = "special_tokens_map.json";
constexpr const char* kAddedFile = "added_tokens.json";

Ids with_config(const Json& config, const std::string& text) {
  return TokenizerFolder(small()).write(kConfigFile, config).encode(text);
}

std::string refused(const TokenizerFolder& folder) {
  try {
    (void)folder.load();
  } catch (const DataError& error) {
    return error.what();
  }
  return "loaded";
}

}  // namespace

TEST_CASE("a token that only tokenizer_config.json names is one token") {
  CHECK(with_config(Json::object(), "a<x>b").size() == 5);  // without it, it is split
  CHECK(with_config({{"added_tokens_decoder", {{"288", token_spec("<x>")}}}}, "a <x> b") ==
        Ids{99, 34, 288, 34, 100});
  CHECK(with_config({{"added_tokens_decoder", {{"288", token_spec("<x>", "lstrip")}}}},
                    "a <x> b") == Ids{99, 288, 34, 100});
  CHECK(with_config({{"additional_special_tokens", {"<x>", "<y>"}}}, "a<x>b<y>") ==
        Ids{99, 288, 100, 289});
  CHECK(with_config({{"extra_special_tokens", {{"image_token", "<x>"}}}}, "a<x>b") ==
        Ids{99, 288, 100});
  CHECK(with_config({{"eos_token", "<x>"}}, "a<x>b") == Ids{99, 288, 100});
  CHECK(with_config({{"pad_token", "<y>"}, {"eos_token", "<x>"}, {"bos_token", "<|pad|>"}},
                    "a<x>b<y>") == Ids{99, 288, 100, 289});
}

TEST_CASE("a token that the file calls by a name of its own is one token") {
  CHECK(with_config({{"image_token", "<x>"}, {"add_bos_token", false}}, "a<x>b") ==
        Ids{99, 288, 100});
  CHECK(with_config({{"model_specific_special_tokens", {{"image_token", "<x>"}}}}, "a<x>b") ==
        Ids{99, 288, 100});
  const auto spread = with_config({{"image_token", token_spec("<x>", "lstrip")}}, "a <x>b");
  CHECK(spread == Ids{99, 288, 100});
}

TEST_CASE("special tokens that a file says to split are split, and keep their ids") {
  TokenizerFolder folder(text_fixture("llama3"));
  folder.write(kConfigFile, {{"split_special_tokens", true}});
  CHECK(folder.encode("a <s> b") == Ids{1, 66, 400, 84, 31, 488});
  CHECK(folder.load().piece(1) == "<s>");
  const std::string split = folder.load().hash();
  folder.write(kConfigFile, Json::object());
  CHECK(folder.encode("a <s> b") == Ids{1, 66, 222, 1, 488});
  CHECK(folder.load().hash() != split);
}

TEST_CASE("a new token's id is behind every piece, those that a vocabulary has twice too") {
  TokenizerFolder folder(text_fixture("unigram_bytes"));  // 1159 pieces, 1158 texts
  folder.write(kConfigFile, {{"mask_token", "[MASK]"}});
  CHECK(folder.encode("[MASK]") == Ids{1159});
}

TEST_CASE("tokenizer_config.json's word on white space around a token is the last") {
  CHECK(with_config({{"added_tokens_decoder", {{"0", token_spec("<|pad|>", "lstrip")}}}},
                    "a <|pad|>b") == Ids{99, 0, 100});
  CHECK(with_config(Json::object(), "a <|pad|>b") == Ids{99, 34, 0, 100});
}

TEST_CASE("tokens of added_tokens.json and special_tokens_map.json are whole") {
  TokenizerFolder folder(small());
  folder.write(kAddedFile, {{"<y>", 289}, {"<x>", 288}});
  CHECK(folder.encode("a<x>b<y>") == Ids{99, 288, 100, 289});
  folder.write(kAddedFile, Json::object());
  folder.write(
      kMapFile,
      {{"eos_token", token_spec("<x>")}, {"additional_special_tokens", Json::array({"<y>"})}});
  CHECK(folder.encode("a<x>b<y>") == Ids{99, 288, 100, 289});
  CHECK(folder.load().eos() == 288);
}

TEST_CASE("special_tokens_map.json is before tokenizer_config.json, unless that lists its tokens") {
  TokenizerFolder folder(small());
  folder.write(kMapFile, {{"eos_token", "<x>"}});
  folder.write(kConfigFile, {{"eos_token", "<y>"}});
  CHECK(folder.encode("<x>") == Ids{288});
  CHECK(folder.load().eos() == 288);
  CHECK(folder.encode("<y>").size() == 3);
  folder.write(kConfigFile,
               {{"eos_token", "<y>"}, {"added_tokens_decoder", {{"288", token_spec("<y>")}}}});
  CHECK(folder.encode("<y>") == Ids{288});
  CHECK(folder.load().eos() == 288);
  CHECK(folder.encode("<x>").size() == 3);
  folder.write(kAddedFile, {{"<x>", 289}});  // not read then either
  CHECK(folder.encode("<x>").size() == 3);
}

TEST_CASE("an id written for a token that it does not get is refused, naming both") {
  TokenizerFolder folder(small());
  folder.write(kConfigFile, {{"added_tokens_decoder", {{"300", token_spec("<x>")}}}});
  CHECK_THAT(refused(folder), contains("'<x>' the id 300") && contains("is 288"));
  folder.write(kConfigFile, {{"added_tokens_decoder", {{"5", token_spec("<|pad|>")}}}});
  CHECK_THAT(refused(folder), contains("'<|pad|>' the id 5") && contains("the vocabulary says 0"));
  folder.write(kConfigFile, Json::object());
  folder.write(kAddedFile, {{"<x>", 290}});
  CHECK_THAT(refused(folder), contains(kAddedFile) && contains("290") && contains("288"));
}

TEST_CASE("a BOS of null or \"\" is the one that the template puts first") {
  for (const Json& none : {Json(nullptr), Json("")}) {
    TokenizerFolder folder(text_fixture("llama3"));
    folder.write(kConfigFile, {{"bos_token", none}});
    const Tokenizer tokenizer = folder.load();
    CHECK(tokenizer.encode("a") == Ids{1, 66});
    CHECK(tokenizer.encode("a", PrependBos::no) == Ids{66});
    CHECK(tokenizer.encode("a", PrependBos::yes) == Ids{1, 66});
    CHECK(tokenizer.prepends_bos());
  }
  const TokenizerFolder without(small());
  CHECK_FALSE(without.load().bos());
}

TEST_CASE("LlamaTokenizer spells spaces as SentencePiece does, whatever tokenizer.json says") {
  struct Case {
    const char* config;
    std::vector<Ids> ids;  // of "a</s> b", "  a", "a", "a</s>b", " </s> a"
  };
  const std::vector<Case> cases{
      {R"({})",
       {{1, 517, 2, 454, 593},
        {1, 454, 454, 517},
        {1, 517},
        {1, 517, 2, 593},
        {1, 454, 454, 2, 454, 517}}},
      {R"({"tokenizer_class": "LlamaTokenizer"})",
       {{1, 517, 2, 593}, {1, 454, 517}, {1, 517}, {1, 517, 2, 313}, {1, 454, 2, 517}}},
      {R"({"tokenizer_class": "LlamaTokenizerFast", "legacy": null})",
       {{1, 517, 2, 593}, {1, 454, 517}, {1, 517}, {1, 517, 2, 313}, {1, 454, 2, 517}}},
      {R"({"tokenizer_class": "LlamaTokenizer", "legacy": true})",
       {{1, 517, 2, 593}, {1, 454, 517}, {1, 517}, {1, 517, 2, 593}, {1, 454, 2, 517}}},
      {R"({"tokenizer_class": "LlamaTokenizer", "add_prefix_space": false})",
       {{1, 312, 2, 593}, {1, 454, 517}, {1, 312}, {1, 312, 2, 313}, {1, 454, 2, 517}}},
      {R"({"tokenizer_class": "PreTrainedTokenizerFast"})",
       {{1, 517, 2, 454, 593},
        {1, 454, 454, 517},
        {1, 517},
        {1, 517, 2, 593},
        {1, 454, 454, 2, 454, 517}}}};
  const char* texts[] = {"a</s> b", "  a", "a", "a</s>b", " </s> a"};
  for (const Case& expected : cases) {
    TokenizerFolder folder(text_fixture("llama2"));
    folder.write(kConfigFile, Json::parse(expected.config));
    const Tokenizer tokenizer = folder.load();
    for (std::size_t i = 0; i < std::size(texts); ++i) {
      CAPTURE(expected.config, texts[i]);
      CHECK(tokenizer.encode(texts[i]) == expected.ids[i]);
    }
  }
  TokenizerFolder named(text_fixture("llama2"));
  named.write(kConfigFile, {{"tokenizer_class", "LlamaTokenizer"}});
  CHECK(named.load().bos() == 1);
  CHECK(named.load().eos() == 2);
  TokenizerFolder bytes(text_fixture("llama3"));  // byte-level: read as it stands
  const Tokenizer before = bytes.load();
  bytes.write(kConfigFile, {{"tokenizer_class", "LlamaTokenizer"}});
  CHECK(bytes.encode("  a</s> b") == before.encode("  a</s> b"));
}

TEST_CASE("GPT2Tokenizer puts a space first if tokenizer_config.json says so, and only then") {
  const auto encoded = [](const char* fixture, const Json& config) {
    TokenizerFolder folder(text_fixture(fixture));
    return folder.write(kConfigFile, config).encode("hi");
  };
  CHECK(encoded("gpt2", {{"tokenizer_class", "GPT2Tokenizer"}, {"add_prefix_space", true}}) ==
        Ids{221, 72, 73});
  CHECK(encoded("gpt2", {{"tokenizer_class", "GPT2Tokenizer"}}) == Ids{72, 73});
  CHECK(encoded("gpt2_prefix", {{"tokenizer_class", "GPT2TokenizerFast"}}) == Ids{72, 73});
  CHECK(encoded("gpt2_prefix", {{"add_prefix_space", false}}) == Ids{221, 72, 73});  // no class
  CHECK(encoded("gpt_neox",
                {{"tokenizer_class", "GPTNeoXTokenizerFast"}, {"add_prefix_space", true}}) ==
        Ids{222, 73, 74});
}

TEST_CASE("where transformers 5 cuts by the class's name, tokenizer.json is followed and told of") {
  const auto said = [](const char* fixture, const char* name) {
    TokenizerFolder folder(text_fixture(fixture));
    std::vector<std::string> all;
    set_warning_sink([&](const std::string& text) { all.push_back(text); });
    (void)folder.write(kConfigFile, {{"tokenizer_class", name}}).encode("I'll 12");
    set_warning_sink({});
    return all;
  };
  REQUIRE(said("smollm", "GPT2Tokenizer").size() == 1);  // whose digits stand alone
  CHECK_THAT(said("smollm", "GPT2Tokenizer")[0], contains("pre_tokenizer is not what"));
  REQUIRE(said("t5", "LlamaTokenizer").size() == 1);
  CHECK_THAT(said("t5", "LlamaTokenizer")[0], contains("Unigram"));
  CHECK(said("gpt2", "GPT2Tokenizer").empty());
  CHECK(said("smollm", "PreTrainedTokenizerFast").empty());
  CHECK(said("llama2", "LlamaTokenizer").empty());
}

TEST_CASE("LlamaTokenizer's own special tokens are whole where no file names others") {
  TokenizerFolder folder(text_fixture("gemma"));
  folder.write(kConfigFile, {{"tokenizer_class", "LlamaTokenizer"}});
  CHECK(folder.encode("</s>") == Ids{2, 1274});
  folder.write(kConfigFile, {{"tokenizer_class", "LlamaTokenizer"}, {"eos_token", "<eos>"}});
  CHECK(folder.encode("</s>").size() > 2);
}

TEST_CASE("BertTokenizer writes in lower case as tokenizer_config.json says, and by default") {
  TokenizerFolder folder(text_fixture("bert_cased"));
  const Ids cased = folder.encode("Hello world");
  std::vector<std::string> hashes;
  const auto of_class = [&](Json config) {
    config["tokenizer_class"] = "BertTokenizer";
    folder.write(kConfigFile, config);
    hashes.push_back(folder.load().hash());
    return folder.encode("Hello world");
  };
  const Ids lower{2, 214, 822, 612, 68, 812, 623, 613, 3};
  CHECK(of_class(Json::object()) == lower);
  CHECK(of_class({{"do_lower_case", true}}) == lower);
  CHECK(of_class({{"do_lower_case", false}}) == cased);
  CHECK(hashes[1] != hashes[2]);
}

TEST_CASE("every end that the files name ends a response") {
  TokenizerFolder folder(small());
  folder.write(kConfigFile, {{"eos_token", "<|endoftext|>"}});
  folder.write("config.json", {{"eos_token_id", {5, 6}}, {"text_config", {{"eos_token_id", 8}}}});
  folder.write("generation_config.json", {{"eos_token_id", {6, 7, -1}}});
  const Tokenizer tokenizer = folder.load();
  CHECK(tokenizer.eos() == 1);
  for (TokenId id = 0; id < 12; ++id) {
    CAPTURE(id);
    CHECK(tokenizer.is_end(id) == (id == 1 || (id >= 5 && id <= 8)));
  }
  std::vector<std::string> said;
  set_warning_sink([&](const std::string& text) { said.push_back(text); });
  folder.write("config.json", {{"eos_token_id", 99999}, {"vocab_size", 288}});
  (void)folder.load();
  set_warning_sink({});
  REQUIRE_FALSE(said.empty());
  CHECK_THAT(said[0], contains("99999 is beyond the vocabulary of 288"));
  folder.write("generation_config.json", {{"eos_token_id", "five"}});
  CHECK_THAT(refused(folder), contains("generation_config.json") && contains("five"));
}

TEST_CASE("ids without a spelling are blank: holes, and rows beyond the vocabulary") {
  const TokenizerFolder folder(small(), [](Json& file) {
    Json& model = file["model"];
    model["vocab"].erase("store");
    model["vocab"].erase("<|pad|>");
    Json kept = Json::array();
    for (const Json& merge : model["merges"]) {
      if (merge.dump().find("st") == std::string::npos ||
          merge.dump().find("ore") == std::string::npos) {
        kept.push_back(merge);
      }
    }
    model["merges"] = kept;
    file["added_tokens"].erase(0);
  });
  const Tokenizer tokenizer = folder.load();
  CHECK(tokenizer.vocab_size() == 287);
  CHECK(tokenizer.piece(0).empty());
  CHECK(tokenizer.piece(287).empty());
  CHECK(tokenizer.piece(99) == "a");
  CHECK(tokenizer.decode({99, 287, 0, 5000, 100}) == "ab");
  CHECK_THROWS_AS(tokenizer.piece(-1), UsageError);
  CHECK_THROWS_AS(tokenizer.decode({-1}), UsageError);
}
