#include "lib/chat/expression_parser.h"

namespace headscope::jinja {

void TokenStream::unexpected(std::string_view wanted) const {
  const Token& token = peek();
  const char* what = "";
  switch (token.kind) {
    case TokenKind::data:
    case TokenKind::variable_begin:
    case TokenKind::block_begin:
      what = "text";
      break;
    case TokenKind::variable_end:
    case TokenKind::block_end:
      what = "the tag's end";
      break;
    case TokenKind::end:
      what = "the template's end";
      break;
    case TokenKind::constant:
      what = "a constant";
      break;
    default:
      throw SyntaxFault(token.line, fmt::format("'{}' where {} is expected", token.text, wanted));
  }
  throw SyntaxFault(token.line, fmt::format("{} where {} is expected", what, wanted));
}

void TokenStream::expect_symbol(std::string_view symbol) {
  if (!skip_symbol(symbol)) {
    unexpected(fmt::format("'{}'", symbol));
  }
}

void TokenStream::expect_name(std::string_view name) {
  if (!skip_name(name)) {
    unexpected(fmt::format("'{}'", name));
  }
}

void TokenStream::expect(TokenKind kind) {
  if (!is(kind)) {
    unexpected(kind == TokenKind::block_end ? "'%}'" : "'}}'");
  }
  next();
}

std::string TokenStream::any_name() {
  if (!is(TokenKind::name)) {
    unexpected("a name");
  }
  return next().text;
}

}  // namespace headscope::jinja
