// From a template's source to tokens, with white space trimmed at tags as transformers sets Jinja:
// trim_blocks (a newline after a block's tag goes) and lstrip_blocks (so does white space before
// one that begins a line); "-" and "+" at a tag ask for more and less.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/chat/value.h"

namespace headscope::jinja {

enum class TokenKind {
  data,
  variable_begin,
  variable_end,
  block_begin,
  block_end,
  name,
  constant,
  symbol,
  end
};

struct Token {
  TokenKind kind = TokenKind::end;
  int line = 1;
  std::string text{};  // data, a name or an operator
  Value value{};       // of a constant: a str, an int or a float
};

// Every token, and one of kind `end`. Throws SyntaxFault.
std::vector<Token> tokenize(std::string_view source);

}  // namespace headscope::jinja
