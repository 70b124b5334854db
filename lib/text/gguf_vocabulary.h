// The tokens of a GGUF vocabulary, checked.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/json_fwd.h"
#include "lib/text/added_tokens.h"
#include "lib/text/vocabulary.h"

namespace headscope {

// The values of `tokenizer.ggml.token_type`.
enum class GgufTokenType {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6
};

struct GgufVocabulary {
  std::vector<std::string> texts;  // valid UTF-8: invalid parts are replaced by U+FFFD
  std::vector<GgufTokenType> types;
  std::vector<double> scores;  // empty if the file has none

  // Throws DataError: no tokens, arrays of different lengths or of wrong types.
  static GgufVocabulary from_metadata(const Json& metadata, const std::string& where);

  // Control and user-defined tokens, looked for in the text as given.
  [[nodiscard]] std::vector<AddedToken> added() const;

  [[nodiscard]] std::shared_ptr<const Vocabulary> vocabulary() const;
};

// The token id under `key`, or nothing. Throws DataError for one outside the vocabulary.
std::optional<TokenId> gguf_token_id(const Json& metadata,
                                     const char* key,
                                     const GgufVocabulary& vocabulary,
                                     const std::string& where);

// The same where the key may hold a list: every id of it.
std::vector<TokenId> gguf_token_ids(const Json& metadata,
                                    const char* key,
                                    const GgufVocabulary& vocabulary,
                                    const std::string& where);

}  // namespace headscope
