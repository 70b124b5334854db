#include "lib/text/tokenizer_files.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"
#include "lib/base/warning.h"
#include "lib/text/json_fields.h"

namespace headscope {
namespace {

constexpr const char* kSpecialNames[] = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

Json object_at(const std::filesystem::path& path) {
  Json file = path_exists(path) ? read_json(path) : Json::object();
  if (!file.is_object()) {
    throw DataError("{}: an object is expected", path.string());
  }
  return file;
}

// "<s>" or {"content": "<s>", "lstrip": true, …}.
AddedToken token_from(const Json& value, const std::string& where) {
  if (value.is_string()) {
    return {.content = value.get<std::string>(), .special = true};
  }
  if (!value.is_object()) {
    throw DataError("{} must be a token's text", where);
  }
  return {.content = string_field(value, "content", where),
          .single_word = bool_field_or(value, "single_word", false, where),
          .lstrip = bool_field_or(value, "lstrip", false, where),
          .rstrip = bool_field_or(value, "rstrip", false, where),
          .normalized = bool_field_or(value, "normalized", false, where),
          .special = bool_field_or(value, "special", true, where)};
}

TokenId id_from(const std::string& text, const std::string& where) {
  std::int64_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw DataError("{}: '{}' is no token id", where, text);
  }
  return token_id(Json(id), where);
}

void add_eos_ids(const Json& file, const std::string& where, std::vector<TokenId>& ids) {
  const Json& value = optional_field(file, "eos_token_id", where);
  if (value.is_null()) {
    return;
  }
  for (const Json& entry : value.is_array() ? value : Json::array({value})) {
    if (entry.is_number_integer() && entry < 0) {
      continue;  // some configs write -1 for "none": no token is ever that
    }
    const TokenId id = token_id(entry, where + ": eos_token_id");
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
      ids.push_back(id);
    }
  }
}

// A text that only such a token may end goes on to its limit.
void warn_of_ids_beyond(const Json& config,
                        const std::vector<TokenId>& ids,
                        const std::string& where) {
  const Json& size = optional_field(config, "vocab_size", where);
  for (const TokenId id : ids) {
    if (size.is_number_integer() && size <= id) {
      warn(fmt::format(
          "{}: eos_token_id {} is beyond the vocabulary of {} tokens: no text ends there",
          where,
          id,
          size.dump()));
    }
  }
}

}  // namespace

TokenizerFiles TokenizerFiles::read(const std::filesystem::path& directory) {
  return {directory,
          object_at(directory / "tokenizer_config.json"),
          object_at(directory / "special_tokens_map.json"),
          object_at(directory / "added_tokens.json"),
          object_at(directory / "config.json"),
          object_at(directory / "generation_config.json")};
}

std::string TokenizerFiles::tokenizer_class() const {
  const auto name =
      optional_string(tokenizer_config, "tokenizer_class", path("tokenizer_config.json"));
  std::string text =
      name ? *name : optional_string(config, "tokenizer_class", path("config.json")).value_or("");
  if (text.ends_with("Fast")) {
    text.resize(text.size() - 4);
  }
  return text;
}

TokenizerFiles::Special TokenizerFiles::special(const char* name) const {
  const bool map_first = !has_decoder() && special_tokens_map.contains(name);
  const Json& file = map_first ? special_tokens_map : tokenizer_config;
  const auto found = file.find(name);
  if (found == file.end()) {
    return {};
  }
  if (found->is_null() || *found == "") {
    return {.given = true};
  }
  const std::string where =
      path(map_first ? "special_tokens_map.json" : "tokenizer_config.json") + ": " + name;
  return {.given = true, .token = NamedToken{token_from(*found, where), where}};
}

std::vector<NamedToken> TokenizerFiles::with_ids() const {
  std::vector<NamedToken> tokens;
  if (has_decoder()) {
    const std::string where = path("tokenizer_config.json") + ": added_tokens_decoder";
    const Json& entries = tokenizer_config["added_tokens_decoder"];
    if (!entries.is_object() && !entries.is_null()) {
      throw DataError("{} must map ids to tokens", where);
    }
    for (const auto& [id, value] : entries.items()) {  // null has none
      NamedToken named{token_from(value, where), where, true};
      // What a dictionary leaves out is tokenizers' default, not that of a named token.
      named.token.special = bool_field_or(value, "special", false, where);
      named.token.normalized = bool_field_or(value, "normalized", !named.token.special, where);
      named.token.id = id_from(id, where);
      tokens.push_back(std::move(named));
    }
  } else {
    const std::string where = path("added_tokens.json");
    std::set<std::string> special_texts;
    for (const char* name : kSpecialNames) {
      if (const auto token = special(name).token) {
        special_texts.insert(token->token.content);
      }
    }
    for (const auto& [text, id] : added_tokens.items()) {
      const bool is_special = special_texts.contains(text);
      tokens.push_back({{.id = token_id(id, where),
                         .content = text,
                         .normalized = !is_special,
                         .special = is_special},
                        where});
    }
  }
  std::stable_sort(tokens.begin(), tokens.end(), [](const NamedToken& a, const NamedToken& b) {
    return a.token.id < b.token.id;
  });
  return tokens;
}

std::vector<NamedToken> TokenizerFiles::of_own_names() const {
  const std::string where = path("tokenizer_config.json") + ": ";
  std::vector<NamedToken> tokens;
  for (const auto& [key, value] : tokenizer_config.items()) {
    const bool usual = std::find(std::begin(kSpecialNames), std::end(kSpecialNames), key) !=
                       std::end(kSpecialNames);
    // Others that end so are settings ("add_bos_token": true).
    if (!usual && key.ends_with("_token") &&
        (value.is_string() || (value.is_object() && value.contains("content")))) {
      tokens.push_back({token_from(value, where + key), where + key});
    }
  }
  const std::string list = "model_specific_special_tokens";
  const Json named = optional_field(tokenizer_config, list.c_str(), path("tokenizer_config.json"));
  if (!named.is_null() && !named.is_object()) {
    throw DataError("{}{} must name tokens", where, list);
  }
  for (const auto& [key, value] : named.items()) {
    tokens.push_back({token_from(value, where + list), where + list});
  }
  return tokens;
}

bool TokenizerFiles::splits_special_tokens() const {
  return bool_field_or(
      tokenizer_config, "split_special_tokens", false, path("tokenizer_config.json"));
}

// A list of tokens, or an object that names each.
std::vector<NamedToken> TokenizerFiles::additional() const {
  std::vector<NamedToken> tokens;
  for (const char* name : {"extra_special_tokens", "additional_special_tokens"}) {
    const bool map_first = !has_decoder() && special_tokens_map.contains(name);
    const std::string where =
        path(map_first ? "special_tokens_map.json" : "tokenizer_config.json") + ": " + name;
    const Json& file = map_first ? special_tokens_map : tokenizer_config;
    const auto found = file.find(name);
    if (found == file.end() || found->is_null()) {
      continue;
    }
    if (!found->is_structured()) {
      throw DataError("{} must list tokens", where);
    }
    for (const auto& [key, value] : found->items()) {
      tokens.push_back({token_from(value, where), where});
    }
    if (!tokens.empty()) {
      break;  // the older name counts only where the newer is not used
    }
  }
  return tokens;
}

std::vector<NamedToken> TokenizerFiles::tokens() const {
  std::vector<NamedToken> tokens = with_ids();
  for (const char* name : kSpecialNames) {
    if (auto token = special(name).token) {
      tokens.push_back(std::move(*token));
    }
  }
  for (auto& more : {of_own_names(), additional()}) {
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  return tokens;
}

std::vector<TokenId> TokenizerFiles::eos_ids() const {
  std::vector<TokenId> ids;
  add_eos_ids(generation_config, path("generation_config.json"), ids);
  const std::string where = path("config.json");
  add_eos_ids(config, where, ids);
  if (const Json& text = optional_field(config, "text_config", where); text.is_object()) {
    add_eos_ids(text, where + ": text_config", ids);
  }
  warn_of_ids_beyond(config, ids, where);
  return ids;
}

}  // namespace headscope
