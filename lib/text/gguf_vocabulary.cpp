#include "lib/text/gguf_vocabulary.h"

#include <cmath>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/json_fields.h"
#include "lib/text/unicode.h"

namespace headscope {
namespace {

std::vector<std::string> read_texts(const Json& metadata, const std::string& where) {
  std::vector<std::string> texts;
  for (const Json& entry : array_field(metadata, "tokenizer.ggml.tokens", where)) {
    if (!entry.is_string()) {
      throw DataError("{}: tokenizer.ggml.tokens[{}] is no string", where, texts.size());
    }
    const auto& text = entry.get_ref<const std::string&>();
    texts.push_back(valid_utf8_prefix(text) == text.size() ? text : replace_invalid_utf8(text));
  }
  return texts;
}

const Json* parallel_array(const Json& metadata,
                           const char* key,
                           std::size_t size,
                           const std::string& where) {
  if (optional_field(metadata, key, where).is_null()) {
    return nullptr;
  }
  const Json& entries = array_field(metadata, key, where);
  if (entries.size() != size) {
    throw DataError("{}: {} has {} entries for {} tokens", where, key, entries.size(), size);
  }
  return &entries;
}

std::vector<GgufTokenType> read_types(const Json& metadata,
                                      std::size_t size,
                                      const std::string& where) {
  std::vector<GgufTokenType> types(size, GgufTokenType::normal);
  const Json* entries = parallel_array(metadata, "tokenizer.ggml.token_type", size, where);
  for (std::size_t i = 0; entries != nullptr && i < size; ++i) {
    const Json& entry = (*entries)[i];
    const std::int64_t value = entry.is_number_integer() ? entry.get<std::int64_t>() : -1;
    if (value < 0 || value > 6) {
      throw DataError("{}: tokenizer.ggml.token_type[{}] is unknown", where, i);
    }
    types[i] = static_cast<GgufTokenType>(value == 0 ? 1 : value);
  }
  return types;
}

std::vector<double> read_scores(const Json& metadata, std::size_t size, const std::string& where) {
  std::vector<double> scores;
  const Json* entries = parallel_array(metadata, "tokenizer.ggml.scores", size, where);
  for (std::size_t i = 0; entries != nullptr && i < size; ++i) {
    const Json& entry = (*entries)[i];
    if (!entry.is_number() || std::isnan(entry.get<double>())) {
      throw DataError("{}: tokenizer.ggml.scores[{}] is no number", where, i);
    }
    scores.push_back(entry.get<double>());
  }
  return scores;
}

TokenId id_in(const Json& value,
              const char* key,
              const GgufVocabulary& vocabulary,
              const std::string& where) {
  const TokenId id = token_id(value, where + ": " + key);
  if (static_cast<std::size_t>(id) >= vocabulary.texts.size()) {
    throw DataError(
        "{}: {} is {}, the vocabulary has {} tokens", where, key, id, vocabulary.texts.size());
  }
  return id;
}

}  // namespace

GgufVocabulary GgufVocabulary::from_metadata(const Json& metadata, const std::string& where) {
  GgufVocabulary result;
  result.texts = read_texts(metadata, where);
  if (result.texts.empty() || result.texts.size() >= (std::size_t{1} << 24)) {
    throw DataError("{}: a vocabulary of {} tokens", where, result.texts.size());
  }
  result.types = read_types(metadata, result.texts.size(), where);
  result.scores = read_scores(metadata, result.texts.size(), where);
  return result;
}

std::vector<AddedToken> GgufVocabulary::added() const {
  std::vector<AddedToken> tokens;
  for (std::size_t id = 0; id < texts.size(); ++id) {
    const bool control = types[id] == GgufTokenType::control;
    if ((control || types[id] == GgufTokenType::user_defined) && !texts[id].empty()) {
      tokens.push_back({.id = static_cast<TokenId>(id), .content = texts[id], .special = control});
    }
  }
  return tokens;
}

std::shared_ptr<const Vocabulary> GgufVocabulary::vocabulary() const {
  auto vocabulary = std::make_shared<Vocabulary>(texts.size());
  for (std::size_t id = 0; id < texts.size(); ++id) {
    vocabulary->insert(texts[id], static_cast<TokenId>(id));
  }
  return vocabulary;
}

std::optional<TokenId> gguf_token_id(const Json& metadata,
                                     const char* key,
                                     const GgufVocabulary& vocabulary,
                                     const std::string& where) {
  const Json& value = optional_field(metadata, key, where);
  return value.is_null() ? std::nullopt : std::optional(id_in(value, key, vocabulary, where));
}

std::vector<TokenId> gguf_token_ids(const Json& metadata,
                                    const char* key,
                                    const GgufVocabulary& vocabulary,
                                    const std::string& where) {
  const Json& value = optional_field(metadata, key, where);
  std::vector<TokenId> ids;
  if (!value.is_null()) {
    for (const Json& entry : value.is_array() ? value : Json::array({value})) {
      ids.push_back(id_in(entry, key, vocabulary, where));
    }
  }
  return ids;
}

}  // namespace headscope
