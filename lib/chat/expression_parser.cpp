#include "lib/chat/expression_parser.h"

#include <algorithm>
#include <array>

namespace headscope::jinja {

// Counts what is open around an expression, so that hostile sources do not exhaust the stack.
class ExpressionParser::Nested {
 public:
  explicit Nested(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.nested_ > parser_.most_nested_) {
      throw SyntaxFault(
          parser_.tokens_.line(),
          fmt::format("expressions lie more than {} deep in one another", parser_.most_nested_));
    }
  }
  ~Nested() { --parser_.nested_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  ExpressionParser& parser_;
};

ExpressionPtr ExpressionParser::make(Op op, int line) const {
  auto expression = std::make_unique<Expression>();
  expression->op = op;
  expression->line = line;
  return expression;
}

ExpressionPtr ExpressionParser::binary(Op op,
                                       int line,
                                       ExpressionPtr left,
                                       ExpressionPtr right) const {
  ExpressionPtr expression = make(op, line);
  add_part(*expression, std::move(left));
  add_part(*expression, std::move(right));
  return expression;
}

ExpressionPtr ExpressionParser::expression() {
  const Nested nested(*this);
  int line = tokens_.line();
  ExpressionPtr value = logical_or();
  while (tokens_.skip_name("if")) {
    ExpressionPtr choice = make(Op::condition, line);
    add_part(*choice, logical_or());
    add_part(*choice, std::move(value));
    add_part(*choice, tokens_.skip_name("else") ? expression() : nullptr);
    value = std::move(choice);
    line = tokens_.line();
  }
  return value;
}

ExpressionPtr ExpressionParser::without_condition() {
  const Nested nested(*this);
  return logical_or();
}

bool ExpressionParser::at_tuple_end() const {
  return tokens_.is(TokenKind::variable_end) || tokens_.is(TokenKind::block_end) ||
         tokens_.is_symbol(")") || tokens_.is_name("in") || tokens_.is_name("recursive");
}

ExpressionPtr ExpressionParser::several(Rule one) {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
  do {
    if (at_tuple_end() && (is_tuple || tokens_.is_symbol(")"))) {
      break;
    }
    items.push_back((this->*one)());
    is_tuple = is_tuple || tokens_.is_symbol(",");
  } while (tokens_.skip_symbol(","));
  if (!is_tuple && items.size() == 1) {
    return std::move(items.front());
  }
  ExpressionPtr tuple = make(Op::tuple, line);
  for (ExpressionPtr& item : items) {
    add_part(*tuple, std::move(item));
  }
  return tuple;
}

ExpressionPtr ExpressionParser::tuple() {
  return several(&ExpressionParser::expression);
}

ExpressionPtr ExpressionParser::tuple_without_condition() {
  return several(&ExpressionParser::without_condition);
}

ExpressionPtr ExpressionParser::target() {
  ExpressionPtr target = several(&ExpressionParser::name);
  if (target->op == Op::tuple && target->parts.empty()) {
    tokens_.unexpected("a name to assign to");
  }
  return target;
}

ExpressionPtr ExpressionParser::set_target() {
  if (!tokens_.is(TokenKind::name) || !tokens_.is_symbol(".", 1)) {
    return target();
  }
  ExpressionPtr target = make(Op::attribute, tokens_.line());
  add_part(*target, name());
  tokens_.next();
  target->name = tokens_.any_name();
  return target;
}

ExpressionPtr ExpressionParser::name() {
  const int line = tokens_.line();
  if (!tokens_.is(TokenKind::name)) {
    tokens_.unexpected("a name (headscope's Jinja assigns to plain names alone)");
  }
  ExpressionPtr name = make(Op::name, line);
  name->name = tokens_.next().text;
  constexpr std::array<std::string_view, 6> kConstants = {
      "true", "false", "none", "True", "False", "None"};
  if (std::find(kConstants.begin(), kConstants.end(), name->name) != kConstants.end()) {
    throw SyntaxFault(line, fmt::format("'{}' cannot be assigned to", name->name));
  }
  return name;
}

ExpressionPtr ExpressionParser::logical_or() {
  int line = tokens_.line();
  ExpressionPtr left = logical_and();
  while (tokens_.skip_name("or")) {
    left = binary(Op::logical_or, line, std::move(left), logical_and());
    line = tokens_.line();
  }
  return left;
}

ExpressionPtr ExpressionParser::logical_and() {
  int line = tokens_.line();
  ExpressionPtr left = logical_not();
  while (tokens_.skip_name("and")) {
    left = binary(Op::logical_and, line, std::move(left), logical_not());
    line = tokens_.line();
  }
  return left;
}

ExpressionPtr ExpressionParser::logical_not() {
  const Nested nested(*this);
  const int line = tokens_.line();
  if (!tokens_.skip_name("not")) {
    return compare();
  }
  ExpressionPtr negation = make(Op::logical_not, line);
  add_part(*negation, logical_not());
  return negation;
}

bool ExpressionParser::comparison(std::string& word) {
  constexpr std::array<std::string_view, 6> kSymbols = {"==", "!=", "<", "<=", ">", ">="};
  if (tokens_.is(TokenKind::symbol) &&
      std::find(kSymbols.begin(), kSymbols.end(), tokens_.peek().text) != kSymbols.end()) {
    word = tokens_.next().text;
    return true;
  }
  if (tokens_.skip_name("in")) {
    word = "in";
    return true;
  }
  if (tokens_.is_name("not") && tokens_.is_name("in", 1)) {
    tokens_.next();
    tokens_.next();
    word = "not in";
    return true;
  }
  return false;
}

ExpressionPtr ExpressionParser::compare() {
  const int line = tokens_.line();
  ExpressionPtr first = sum();
  std::string word;
  if (!comparison(word)) {
    return first;
  }
  ExpressionPtr chain = make(Op::compare, line);
  add_part(*chain, std::move(first));
  do {
    chain->words.push_back(word);
    add_part(*chain, sum());
  } while (comparison(word));
  return chain;
}

ExpressionPtr ExpressionParser::sum() {
  ExpressionPtr left = concat();
  while (tokens_.is_symbol("+") || tokens_.is_symbol("-")) {
    const int line = tokens_.line();
    const Op op = tokens_.next().text == "+" ? Op::add : Op::subtract;
    left = binary(op, line, std::move(left), concat());
  }
  return left;
}

ExpressionPtr ExpressionParser::concat() {
  const int line = tokens_.line();
  ExpressionPtr first = product();
  if (!tokens_.is_symbol("~")) {
    return first;
  }
  ExpressionPtr joined = make(Op::concat, line);
  add_part(*joined, std::move(first));
  while (tokens_.skip_symbol("~")) {
    add_part(*joined, product());
  }
  return joined;
}

ExpressionPtr ExpressionParser::product() {
  ExpressionPtr left = power();
  while (true) {
    const int line = tokens_.line();
    Op op = Op::multiply;
    if (tokens_.skip_symbol("*")) {
    } else if (tokens_.skip_symbol("//")) {
      op = Op::floor_divide;
    } else if (tokens_.skip_symbol("/")) {
      op = Op::divide;
    } else if (tokens_.skip_symbol("%")) {
      op = Op::modulo;
    } else {
      return left;
    }
    left = binary(op, line, std::move(left), power());
  }
}

ExpressionPtr ExpressionParser::power() {
  ExpressionPtr left = unary();
  while (tokens_.is_symbol("**")) {
    const int line = tokens_.line();
    tokens_.next();
    left = binary(Op::power, line, std::move(left), unary());
  }
  return left;
}

ExpressionPtr ExpressionParser::signed_operand() {
  const Nested nested(*this);
  const int line = tokens_.line();
  const bool minus = tokens_.is_symbol("-");
  if (!minus && !tokens_.is_symbol("+")) {
    return postfix(primary());
  }
  tokens_.next();
  ExpressionPtr sign = make(minus ? Op::negate : Op::plus, line);
  add_part(*sign, signed_operand());
  return postfix(std::move(sign));
}

ExpressionPtr ExpressionParser::unary() {
  return filters_and_tests(signed_operand());
}

ExpressionPtr ExpressionParser::primary() {
  const Token token = tokens_.peek();
  if (token.kind == TokenKind::constant) {
    ExpressionPtr constant = make(Op::constant, token.line);
    constant->value = tokens_.next().value;
    while (constant->value.text() != nullptr && tokens_.is(TokenKind::constant) &&
           tokens_.peek().value.text() != nullptr) {
      constant->value = *constant->value.text() + *tokens_.next().value.text();
    }
    return constant;
  }
  if (token.kind == TokenKind::name) {
    tokens_.next();
    ExpressionPtr word = make(Op::constant, token.line);
    if (token.text == "true" || token.text == "True" || token.text == "false" ||
        token.text == "False") {
      word->value = token.text == "true" || token.text == "True";
    } else if (token.text == "none" || token.text == "None") {
      word->value = None{};
    } else {
      word->op = Op::name;
      word->name = token.text;
    }
    return word;
  }
  if (tokens_.skip_symbol("(")) {
    ExpressionPtr inner = tuple();
    tokens_.expect_symbol(")");
    return inner;
  }
  if (tokens_.is_symbol("[")) {
    return list();
  }
  if (tokens_.is_symbol("{")) {
    return dict();
  }
  tokens_.unexpected("an expression");
}

ExpressionPtr ExpressionParser::list() {
  ExpressionPtr list = make(Op::list, tokens_.line());
  tokens_.expect_symbol("[");
  while (!tokens_.is_symbol("]")) {
    add_part(*list, expression());
    if (!tokens_.skip_symbol(",")) {
      break;
    }
  }
  tokens_.expect_symbol("]");
  return list;
}

ExpressionPtr ExpressionParser::dict() {
  ExpressionPtr dict = make(Op::dict, tokens_.line());
  tokens_.expect_symbol("{");
  while (!tokens_.is_symbol("}")) {
    add_part(*dict, expression());
    tokens_.expect_symbol(":");
    add_part(*dict, expression());
    if (!tokens_.skip_symbol(",")) {
      break;
    }
  }
  tokens_.expect_symbol("}");
  return dict;
}

}  // namespace headscope::jinja
