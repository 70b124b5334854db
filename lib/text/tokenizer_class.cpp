#include "lib/text/tokenizer_class.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/json.h"
#include "lib/base/warning.h"
#include "lib/text/json_fields.h"

namespace headscope {
namespace {

constexpr const char* kLlamaSpaceMark = "\xE2\x96\x81";  // ▁

// Is a step of that type in `spec` or in a sequence within it?
bool has_type(const Json& spec, const std::string& type) {
  if (spec.is_object() && spec.contains("type") && spec["type"] == type) {
    return true;
  }
  return spec.is_structured() && std::any_of(spec.begin(), spec.end(), [&](const Json& part) {
           return has_type(part, type);
         });
}

Json llama_decoder(bool prefix) {
  Json steps = Json::array(
      {{{"type", "Replace"}, {"pattern", {{"String", kLlamaSpaceMark}}}, {"content", " "}},
       {{"type", "ByteFallback"}},
       {{"type", "Fuse"}}});
  if (prefix) {
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1u}, {"stop", 0u}});
  }
  return {{"type", "Sequence"}, {"decoders", steps}};
}

// The tokens that the class has where no file names others, if the vocabulary holds them.
void add_llama_tokens(const TokenizerFiles& files, Json& tokenizer) {
  constexpr std::pair<const char*, const char*> kLlamaSpecialTokens[] = {
      {"unk_token", "<unk>"}, {"bos_token", "<s>"}, {"eos_token", "</s>"}};
  const auto model = tokenizer.find("model");
  if (model == tokenizer.end() || !model->is_object() || !model->contains("vocab") ||
      !(*model)["vocab"].is_object()) {
    return;
  }
  const Json& vocabulary = (*model)["vocab"];
  Json& added = tokenizer["added_tokens"];
  if (!added.is_array() && !added.is_null()) {
    return;  // the reader's to refuse
  }
  for (const auto& [name, text] : kLlamaSpecialTokens) {
    const auto is_it = [text = text](const Json& token) {
      return token.is_object() && token.value("content", Json()) == text;
    };
    if (!files.special(name).given && vocabulary.contains(text) &&
        std::none_of(added.begin(), added.end(), is_it)) {
      added.push_back(
          {{"id", vocabulary[text]}, {"content", text}, {"normalized", false}, {"special", true}});
    }
  }
}

void spell_as_llama(const TokenizerFiles& files, Json& tokenizer) {
  const std::string config = (files.directory / "tokenizer_config.json").string();
  const bool legacy = bool_field_or(files.tokenizer_config, "legacy", false, config);
  const bool prefix = bool_field_or(files.tokenizer_config, "add_prefix_space", true, config);
  tokenizer["normalizer"] = nullptr;
  tokenizer["pre_tokenizer"] = {{"type", "Metaspace"},
                                {"replacement", kLlamaSpaceMark},
                                {"prepend_scheme",
                                 !prefix  ? "never"
                                 : legacy ? "always"
                                          : "first"},
                                {"split", false}};
  tokenizer["decoder"] = llama_decoder(prefix);
  if (Json& model = tokenizer["model"]; model.is_object()) {
    model["byte_fallback"] = true;
    model["fuse_unk"] = true;
    model["ignore_merges"] = false;
    model["unk_token"] = nullptr;  // the class names none to the model: unknown characters vanish
  }
}

void set_prefix_space(const TokenizerFiles& files, Json& pre_tokenizer) {
  if (pre_tokenizer.is_object() && pre_tokenizer.value("type", Json()) == "ByteLevel") {
    pre_tokenizer["add_prefix_space"] =
        bool_field_or(files.tokenizer_config,
                      "add_prefix_space",
                      false,
                      (files.directory / "tokenizer_config.json").string());
  }
}

// BERT's class makes its normalizer of tokenizer_config.json alone, lower case unless that says no.
void set_bert_normalizer(const TokenizerFiles& files, Json& normalizer) {
  if (!has_type(normalizer, "BertNormalizer")) {
    return;
  }
  const std::string where = (files.directory / "tokenizer_config.json").string();
  const Json& config = files.tokenizer_config;
  normalizer = {
      {"type", "BertNormalizer"},
      {"clean_text", true},
      {"handle_chinese_chars", bool_field_or(config, "tokenize_chinese_chars", true, where)},
      {"strip_accents", optional_field(config, "strip_accents", where)},
      {"lowercase", bool_field_or(config, "do_lower_case", true, where)}};
}

// transformers 5 builds how these classes cut text from their names, so that ids can differ from
// those of the model's training, which tokenizer.json holds: the file is followed, and told of.
void warn_of_other_cut(const std::string& name, const Json& tokenizer, const std::string& where) {
  const Json cut = tokenizer.value("pre_tokenizer", Json());
  const Json model = tokenizer.value("model", Json());
  const bool own_cut = name == "GPT2Tokenizer" && has_type(cut, "ByteLevel") &&
                       cut.value("type", Json()) != "ByteLevel";
  const bool own_model = name == kLlamaTokenizer && has_type(model, "Unigram");
  if (own_cut || own_model) {
    warn(fmt::format(
        "{}: its {} is not what transformers 5 makes of tokenizer_class {}: the file is followed, "
        "so ids can differ from transformers'",
        where,
        own_cut ? "pre_tokenizer" : "Unigram model",
        name));
  }
}

}  // namespace

bool apply_tokenizer_class(const TokenizerFiles& files, Json& tokenizer, const std::string& where) {
  const Json before = {optional_field(tokenizer, "normalizer", where),
                       optional_field(tokenizer, "pre_tokenizer", where),
                       optional_field(tokenizer, "decoder", where)};
  const std::string name = files.tokenizer_class();
  warn_of_other_cut(name, tokenizer, where);
  if (name == kLlamaTokenizer) {
    if (!has_type(before, "ByteLevel")) {
      add_llama_tokens(files, tokenizer);
      spell_as_llama(files, tokenizer);
    }
  } else if (name == "BertTokenizer" || name == "DistilBertTokenizer") {
    set_bert_normalizer(files, tokenizer["normalizer"]);
  } else if (name == "GPT2Tokenizer" || name == "GPTNeoXTokenizer" || name == "RobertaTokenizer") {
    set_prefix_space(files, tokenizer["pre_tokenizer"]);
  }
  return Json{tokenizer.value("normalizer", Json()),
              tokenizer.value("pre_tokenizer", Json()),
              tokenizer.value("decoder", Json())} != before;
}

}  // namespace headscope
