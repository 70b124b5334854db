// What a text adds to another: tokens depend on the text before them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/text/tokenizer.h"

namespace headscope {

// An item that is well formed but not for this tokenizer or model: another may take it.
class UnfitItem : public DataError {
 public:
  using DataError::DataError;
};

// Why no answer can follow a text, of a tokenizer whose template puts tokens (mostly EOS) after
// every text; "" of others.
std::string why_nothing_follows(const Tokenizer& tokenizer);

// A prompt as a model will see it.
struct EncodedText {
  EncodedText(const Tokenizer& with, std::string prompt, PrependBos prepend_bos);

  // The one token that `text` + `more` has after the tokens of `text`; nothing if it has several,
  // or if `more` changes the tokens before it.
  [[nodiscard]] std::optional<TokenId> token_of(const std::string& more) const;

  // How many tokens the first `bytes` bytes are; nothing if a token reaches across.
  [[nodiscard]] std::optional<std::int64_t> tokens_until(std::size_t bytes) const;

  const Tokenizer* tokenizer;
  std::string text;
  PrependBos bos;
  std::vector<TokenId> tokens;
};

// Whether `word` after a blank inside a sentence is one token.
bool is_one_token(const Tokenizer& tokenizer, const std::string& word);

// The text of a token; "" where the tokenizer has none of that id.
std::string piece_of(TokenId token, const Tokenizer& tokenizer);
std::vector<std::string> pieces_of(const std::vector<TokenId>& tokens, const Tokenizer& tokenizer);

}  // namespace headscope
