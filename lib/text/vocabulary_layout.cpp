#include "lib/text/vocabulary_layout.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/text/json_fields.h"
#include "lib/text/tokenizer_config.h"

namespace headscope {
namespace {

constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string config_path(const TokenizerFiles& files) {
  return (files.directory / "tokenizer_config.json").string();
}

bool setting(const TokenizerFiles& files, const char* name, bool otherwise) {
  return bool_field_or(files.tokenizer_config, name, otherwise, config_path(files));
}

Json byte_level_step(const TokenizerFiles& files, const char* use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", setting(files, "add_prefix_space", false)},
          {"use_regex", std::string_view(use_regex) == "regex"}};
}

void fill_gpt2(const TokenizerFiles& files, Json& spec) {
  spec["pre_tokenizer"] = byte_level_step(files, "regex");
  spec["decoder"] = {{"type", "ByteLevel"}};
}

void fill_qwen2(const TokenizerFiles& files, Json& spec) {
  spec["normalizer"] = {{"type", "NFC"}};
  const Json split = {
      {"type", "Split"}, {"pattern", {{"Regex", kQwen2Pattern}}}, {"behavior", "Isolated"}};
  spec["pre_tokenizer"] = {{"type", "Sequence"},
                           {"pretokenizers", {split, byte_level_step(files, "none")}}};
  spec["decoder"] = {{"type", "ByteLevel"}};
}

void fill_bert(const TokenizerFiles& files, Json& spec) {
  const bool lower = setting(files, "do_lower_case", true);
  spec["normalizer"] = {{"type", "BertNormalizer"},
                        {"handle_chinese_chars", setting(files, "tokenize_chinese_chars", true)},
                        {"strip_accents", setting(files, "strip_accents", lower)},
                        {"lowercase", lower}};
  spec["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  spec["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}};
}

// <s> and </s> around a text, [CLS] and [SEP]: the class's own, whatever add_bos_token says.
void put_around(const TokenizerFiles& files, const VocabularyLayout& layout, Json& spec) {
  const auto pair = [&](const char* name) {
    const auto named = files.special(name).token;
    const std::string text = named ? named->token.content : "";
    const auto found = spec["model"]["vocab"].find(text);
    if (found == spec["model"]["vocab"].end()) {
      throw DataError("{}: the vocabulary has no '{}', which {} puts around every text",
                      files.directory.string(),
                      text,
                      layout.tokenizer_class);
    }
    return Json{text, *found};
  };
  spec["post_processor"] = {
      {"type", "BertProcessing"}, {"cls", pair("cls_token")}, {"sep", pair("sep_token")}};
}

const std::vector<VocabularyLayout>& layouts() {
  using Files = VocabularyLayout::Files;
  const std::vector<VocabularyLayout::Named> end_of_text = {{"bos_token", "<|endoftext|>"},
                                                            {"eos_token", "<|endoftext|>"},
                                                            {"unk_token", "<|endoftext|>"}};
  const std::vector<VocabularyLayout::Named> of_bert = {{"unk_token", "[UNK]"},
                                                        {"sep_token", "[SEP]"},
                                                        {"pad_token", "[PAD]"},
                                                        {"cls_token", "[CLS]"},
                                                        {"mask_token", "[MASK]"}};
  static const std::vector<VocabularyLayout> all = {
      {"GPT2Tokenizer",
       {"gpt2", "gpt_neo", "gptj", "codegen", "opt", "phi", "starcoder2"},
       Files::vocab_json,
       end_of_text,
       fill_gpt2},
      {"CodeGenTokenizer", {}, Files::vocab_json, end_of_text, fill_gpt2},
      {"Qwen2Tokenizer",
       {"qwen2", "qwen2_moe", "qwen3", "qwen3_moe"},
       Files::vocab_json,
       {{"eos_token", "<|endoftext|>"},
        {"unk_token", "<|endoftext|>"},
        {"pad_token", "<|endoftext|>"}},
       fill_qwen2},
      {"RobertaTokenizer",
       {"roberta"},
       Files::vocab_json,
       {{"bos_token", "<s>"},
        {"eos_token", "</s>"},
        {"unk_token", "<unk>"},
        {"sep_token", "</s>"},
        {"pad_token", "<pad>"},
        {"cls_token", "<s>"},
        {"mask_token", "<mask>"}},
       fill_gpt2},
      {"BertTokenizer", {"bert", "distilbert"}, Files::vocab_txt, of_bert, fill_bert},
      {"DistilBertTokenizer", {}, Files::vocab_txt, of_bert, fill_bert}};
  return all;
}

bool has_named(const VocabularyLayout& layout, std::string_view name) {
  return std::any_of(layout.special.begin(), layout.special.end(), [&](const auto& token) {
    return token.name == name;
  });
}

}  // namespace

void VocabularyLayout::name_special(TokenizerFiles& from) const {
  for (const auto& [name, text] : special) {
    if (!from.special(name).given) {
      from.tokenizer_config[name] = text;
    }
  }
}

Json VocabularyLayout::spec(const TokenizerFiles& from, Json model) const {
  if (!model["vocab"].is_object()) {
    throw DataError("{}: vocab.json must map tokens to ids", from.directory.string());
  }
  Json result = {{"model", std::move(model)}};
  if (const auto unk = from.special("unk_token").token;
      unk && result["model"]["type"] == "WordPiece") {
    result["model"]["unk_token"] = unk->token.content;
  }
  fill(from, result);
  if (has_named(*this, "cls_token")) {
    put_around(from, *this, result);
  }
  return result;
}

const VocabularyLayout& vocabulary_layout(const TokenizerFiles& files,
                                          VocabularyLayout::Files kind) {
  const std::string name = files.tokenizer_class();
  const std::string type =
      optional_string(files.config, "model_type", (files.directory / "config.json").string())
          .value_or("");
  std::vector<std::string_view> known;
  for (const VocabularyLayout& layout : layouts()) {
    if (layout.files != kind) {
      continue;
    }
    known.push_back(layout.tokenizer_class);
    const auto& types = layout.model_types;
    if (name.empty() ? std::find(types.begin(), types.end(), type) != types.end()
                     : layout.tokenizer_class == name) {
      return layout;
    }
  }
  throw DataError(
      "{}: a vocabulary without tokenizer.json, and the class '{}' (tokenizer_class, or of "
      "model_type '{}') is none that headscope knows for it: {}",
      files.directory.string(),
      name,
      type,
      fmt::join(known, ", "));
}

}  // namespace headscope
