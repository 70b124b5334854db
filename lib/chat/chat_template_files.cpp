// Where a model's files keep its chat template, and the texts of its special tokens.
#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/mapped_file.h"
#include "lib/base/paths.h"
#include "lib/chat/chat_template.h"
#include "lib/text/json_fields.h"
#include "lib/text/tokenizer_class.h"
#include "lib/text/tokenizer_files.h"

namespace headscope {
namespace {

using ChatTexts = ChatTemplate::Texts;

constexpr const char* kTokenNames[] = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

std::string text_of_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A template, or a list of {"name": …, "template": …}.
ChatTexts templates_of_field(const Json& value, const std::string& where) {
  ChatTexts templates;
  if (value.is_string()) {
    templates["default"] = value.get<std::string>();
  } else if (value.is_array()) {
    for (const Json& entry : value) {
      const std::string name = string_field(entry, "name", where);
      if (!templates.emplace(name, string_field(entry, "template", where)).second) {
        throw DataError("{}: two templates are called '{}'; keep one", where, name);
      }
    }
  } else if (!value.is_null()) {
    throw DataError("{} must be a template or a list of named ones", where);
  }
  return templates;
}

// chat_template.jinja and the named ones beside it; they count before those of any JSON file.
ChatTexts templates_of_files(const std::filesystem::path& directory) {
  ChatTexts templates;
  const std::filesystem::path first = directory / "chat_template.jinja";
  if (path_exists(first)) {
    templates["default"] = text_of_file(first);
  }
  const std::filesystem::path more = directory / "additional_chat_templates";
  if (is_folder(more)) {
    for (const auto& entry : std::filesystem::directory_iterator(more)) {
      if (entry.path().extension() == ".jinja") {
        templates[entry.path().stem().string()] = text_of_file(entry.path());
      }
    }
  }
  return templates;
}

// What transformers' tokenizer classes take for a token that no file names.
const ChatTexts& class_tokens(const std::string& tokenizer_class) {
  static const std::map<std::string, ChatTexts> kTokens = {
      {kLlamaTokenizer, {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}}},
      {"GPT2Tokenizer",
       {{"bos_token", "<|endoftext|>"},
        {"eos_token", "<|endoftext|>"},
        {"unk_token", "<|endoftext|>"}}},
      {"GPTNeoXTokenizer",
       {{"bos_token", "<|endoftext|>"},
        {"eos_token", "<|endoftext|>"},
        {"unk_token", "<|endoftext|>"},
        {"pad_token", "<|padding|>"}}},
      {"Qwen2Tokenizer",
       {{"eos_token", "<|endoftext|>"},
        {"unk_token", "<|endoftext|>"},
        {"pad_token", "<|endoftext|>"}}},
      {"GemmaTokenizer",
       {{"bos_token", "<bos>"},
        {"eos_token", "<eos>"},
        {"unk_token", "<unk>"},
        {"pad_token", "<pad>"},
        {"mask_token", "<mask>"}}},
      {"CohereTokenizer",
       {{"bos_token", "<BOS_TOKEN>"},
        {"eos_token", "<|END_OF_TURN_TOKEN|>"},
        {"unk_token", "<UNK>"},
        {"pad_token", "<PAD>"},
        {"cls_token", "<CLS>"},
        {"sep_token", "<SEP>"},
        {"mask_token", "<MASK_TOKEN>"}}}};
  static const ChatTexts kNone;
  const auto found = kTokens.find(tokenizer_class);
  return found == kTokens.end() ? kNone : found->second;
}

ChatTexts tokens_of_files(const TokenizerFiles& files) {
  ChatTexts tokens;
  const ChatTexts& usual = class_tokens(files.tokenizer_class());
  for (const char* name : kTokenNames) {
    const auto special = files.special(name);
    if (special.token) {
      tokens[name] = special.token->token.content;
    } else if (const auto found = usual.find(name); !special.given && found != usual.end()) {
      tokens[name] = found->second;
    }
  }
  return tokens;
}

ChatTexts gguf_templates(const Json& metadata, const std::string& where) {
  const std::string kPrefix = "tokenizer.chat_template";
  ChatTexts templates;
  for (const auto& [key, value] : metadata.items()) {
    const bool named = key.starts_with(kPrefix + ".");
    if (key != kPrefix && !named) {
      continue;
    }
    if (!value.is_string()) {
      throw DataError("{}: {} must be a text", where, key);
    }
    templates[named ? key.substr(kPrefix.size() + 1) : "default"] = value.get<std::string>();
  }
  return templates;
}

ChatTexts gguf_tokens(const Json& metadata, const std::string& where) {
  static constexpr std::pair<const char*, const char*> kKeys[] = {
      {"bos_token", "tokenizer.ggml.bos_token_id"},
      {"eos_token", "tokenizer.ggml.eos_token_id"},
      {"unk_token", "tokenizer.ggml.unknown_token_id"},
      {"sep_token", "tokenizer.ggml.seperator_token_id"},  // so spelt in the format
      {"pad_token", "tokenizer.ggml.padding_token_id"},
      {"cls_token", "tokenizer.ggml.cls_token_id"},
      {"mask_token", "tokenizer.ggml.mask_token_id"}};
  ChatTexts tokens;
  for (const auto& [name, key] : kKeys) {
    const Json& value = optional_field(metadata, key, where);
    if (value.is_null()) {
      continue;
    }
    const Json& texts = array_field(metadata, "tokenizer.ggml.tokens", where);
    const auto id = static_cast<std::size_t>(
        token_id(value.is_array() && !value.empty() ? value.front() : value, where + ": " + key));
    if (id < texts.size() && texts[id].is_string()) {
      tokens[name] = texts[id].get<std::string>();
    }
  }
  return tokens;
}

}  // namespace

OrderedJson read_messages(const std::filesystem::path& path) {
  return parse_messages(text_of_file(path), path.string());
}

std::optional<ChatTemplate> ChatTemplate::from_directory(const std::filesystem::path& directory) {
  const TokenizerFiles files = TokenizerFiles::read(directory);
  std::string where = (directory / "chat_template.jinja").string();
  Texts templates = templates_of_files(directory);
  if (templates.empty()) {
    where = (directory / "tokenizer_config.json").string() + ": chat_template";
    templates =
        templates_of_field(optional_field(files.tokenizer_config, "chat_template", where), where);
  }
  if (templates.empty()) {
    return std::nullopt;
  }
  return ChatTemplate(templates, tokens_of_files(files), where);
}

std::optional<ChatTemplate> ChatTemplate::from_gguf(const Json& metadata,
                                                    const std::string& where) {
  const Texts templates = gguf_templates(metadata, where);
  if (templates.empty()) {
    return std::nullopt;
  }
  return ChatTemplate(templates, gguf_tokens(metadata, where), where + ": tokenizer.chat_template");
}

}  // namespace headscope
