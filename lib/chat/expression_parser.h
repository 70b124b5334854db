// Tokens to expressions, by Jinja's grammar.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "lib/chat/lexer.h"
#include "lib/chat/syntax.h"

namespace headscope::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  Token next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  [[nodiscard]] int line() const { return peek().line; }

  [[nodiscard]] bool is(TokenKind kind, std::size_t ahead = 0) const {
    return peek(ahead).kind == kind;
  }
  [[nodiscard]] bool is_name(std::string_view name, std::size_t ahead = 0) const {
    return is(TokenKind::name, ahead) && peek(ahead).text == name;
  }
  [[nodiscard]] bool is_symbol(std::string_view symbol, std::size_t ahead = 0) const {
    return is(TokenKind::symbol, ahead) && peek(ahead).text == symbol;
  }

  bool skip_name(std::string_view name) { return is_name(name) && skip(); }
  bool skip_symbol(std::string_view symbol) { return is_symbol(symbol) && skip(); }

  // Throw SyntaxFault if something else comes.
  void expect_symbol(std::string_view symbol);
  void expect_name(std::string_view name);
  void expect(TokenKind kind);
  std::string any_name();

  [[noreturn]] void unexpected(std::string_view wanted) const;

 private:
  bool skip() {
    next();
    return true;
  }
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

class ExpressionParser {
 public:
  ExpressionParser(TokenStream& tokens, int most_nested)
      : tokens_(tokens), most_nested_(most_nested) {}

  ExpressionPtr expression();  // with `a if b else c`
  ExpressionPtr without_condition();

  // One expression, or several with commas between them: a tuple. `end` may follow a last comma.
  ExpressionPtr tuple();
  ExpressionPtr tuple_without_condition();

  // What a value is assigned to: a name, names in a tuple, or (in {% set %}) an attribute of a
  // namespace, which is an `attribute` of an unevaluated name.
  ExpressionPtr target();
  ExpressionPtr set_target();

  // The filters after `|`, applied to `operand`, which may be null.
  ExpressionPtr filters(ExpressionPtr operand);
  ExpressionPtr filter_call(ExpressionPtr operand);  // its name comes next

 private:
  class Nested;
  using Rule = ExpressionPtr (ExpressionParser::*)();

  ExpressionPtr make(Op op, int line) const;
  ExpressionPtr binary(Op op, int line, ExpressionPtr left, ExpressionPtr right) const;
  ExpressionPtr several(Rule one);
  [[nodiscard]] bool at_tuple_end() const;

  ExpressionPtr logical_or();
  ExpressionPtr logical_and();
  ExpressionPtr logical_not();
  ExpressionPtr compare();
  bool comparison(std::string& word);
  ExpressionPtr sum();
  ExpressionPtr concat();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary();
  ExpressionPtr signed_operand();
  ExpressionPtr primary();
  ExpressionPtr name();
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr operand);
  ExpressionPtr attribute(ExpressionPtr operand);
  ExpressionPtr subscript(ExpressionPtr operand);
  ExpressionPtr slice(ExpressionPtr operand, ExpressionPtr start, int line);
  ExpressionPtr filters_and_tests(ExpressionPtr operand);
  ExpressionPtr test(ExpressionPtr operand);
  ExpressionPtr call(ExpressionPtr operand);
  void arguments(Expression& call);
  std::string dotted_name();

  TokenStream& tokens_;
  int most_nested_;
  int nested_ = 0;
};

}  // namespace headscope::jinja
