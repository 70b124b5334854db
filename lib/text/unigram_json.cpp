#include "lib/text/unigram_json.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/json_fields.h"

namespace headscope {

UnigramParts read_unigram(const Json& model, const std::string& where) {
  const Json& entries = array_field(model, "vocab", where);
  auto vocabulary = std::make_shared<Vocabulary>(entries.size());
  UnigramParts parts;
  for (const Json& entry : entries) {
    const auto id = static_cast<TokenId>(parts.scores.size());
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      throw DataError("{}: entry {} of 'vocab' is no pair of a text and its score", where, id);
    }
    vocabulary->insert(entry[0].get<std::string>(), id);
    parts.scores.push_back(entry[1].get<double>());
  }
  parts.options.byte_fallback = bool_field_or(model, "byte_fallback", false, where);
  if (const Json& unk = optional_field(model, "unk_id", where); !unk.is_null()) {
    parts.options.unk = token_id(unk, where);
    if (parts.options.unk >= vocabulary->end_id()) {
      throw DataError("{}: the unk_id {} is not in the vocabulary", where, parts.options.unk);
    }
  }
  parts.vocabulary = std::move(vocabulary);
  return parts;
}

}  // namespace headscope
