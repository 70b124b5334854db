// The tokens inside of one tag.
#pragma once

#include <string_view>
#include <vector>

#include "lib/chat/lexer.h"

namespace headscope::jinja {

// Reads from `at` on, just inside {{ or {%, to behind the end of the tag, white space included that
// the end takes along. Appends the tokens and the end's.
class TagReader {
 public:
  TagReader(std::string_view text, std::size_t begin, int first_line)
      : source(text), at(begin), line(first_line) {}

  std::string_view source;
  std::size_t at;
  int line;

  void read(TokenKind end, std::vector<Token>& tokens);

 private:
  bool read_end(TokenKind end);
  Token read_token();
  Token read_string();
  Token read_number();
  Token read_symbol();
  [[nodiscard]] std::string_view rest() const { return source.substr(at); }
  void skip(std::size_t bytes);  // counting lines
  std::vector<char> open_{};     // the brackets that await their counterparts
};

}  // namespace headscope::jinja
