#include "lib/text/word_piece_json.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/json_fields.h"
#include "lib/text/vocabulary_json.h"

namespace headscope {

WordPieceParts read_word_piece(const Json& model, const std::string& where) {
  WordPieceParts parts;
  parts.vocabulary = vocabulary_from_json(model, where);
  parts.options.unk =
      parts.vocabulary->find(optional_string(model, "unk_token", where).value_or("[UNK]"));
  parts.options.prefix = optional_string(model, "continuing_subword_prefix", where).value_or("##");
  const Json& longest = optional_field(model, "max_input_chars_per_word", where);
  if (!longest.is_null()) {
    if (!longest.is_number_unsigned()) {
      throw DataError("{}: the field 'max_input_chars_per_word' must be a count", where);
    }
    parts.options.longest_word = longest.get<std::size_t>();
  }
  return parts;
}

}  // namespace headscope
