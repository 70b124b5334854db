// What may follow an operand: attributes, subscripts, calls, filters and tests.
#include <algorithm>

#include "lib/chat/expression_parser.h"

namespace headscope::jinja {

// A chain of these is as deep, when evaluated, as one written with brackets: the evaluator counts.
ExpressionPtr ExpressionParser::postfix(ExpressionPtr operand) {
  while (true) {
    if (tokens_.is_symbol(".")) {
      operand = attribute(std::move(operand));
    } else if (tokens_.is_symbol("[")) {
      operand = subscript(std::move(operand));
    } else if (tokens_.is_symbol("(")) {
      operand = call(std::move(operand));
    } else {
      return operand;
    }
  }
}

ExpressionPtr ExpressionParser::attribute(ExpressionPtr operand) {
  const int line = tokens_.next().line;
  if (tokens_.is(TokenKind::constant) && tokens_.peek().value.is<std::int64_t>()) {
    ExpressionPtr index = make(Op::constant, line);
    index->value = tokens_.next().value;
    return binary(Op::item, line, std::move(operand), std::move(index));
  }
  ExpressionPtr attribute = make(Op::attribute, line);
  add_part(*attribute, std::move(operand));
  attribute->name = tokens_.any_name();
  return attribute;
}

ExpressionPtr ExpressionParser::slice(ExpressionPtr operand, ExpressionPtr start, int line) {
  ExpressionPtr slice = make(Op::slice, line);
  add_part(*slice, std::move(operand));
  add_part(*slice, std::move(start));
  for (int bound = 0; bound < 2; ++bound) {
    const bool given = bound == 0 || tokens_.skip_symbol(":");
    const bool written = given && !tokens_.is_symbol(":") && !tokens_.is_symbol("]");
    add_part(*slice, written ? expression() : nullptr);
  }
  return slice;
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr operand) {
  const int line = tokens_.next().line;
  ExpressionPtr result;
  if (tokens_.skip_symbol(":")) {
    result = slice(std::move(operand), nullptr, line);
  } else {
    ExpressionPtr index = expression();
    result = tokens_.skip_symbol(":")
                 ? slice(std::move(operand), std::move(index), line)
                 : binary(Op::item, line, std::move(operand), std::move(index));
  }
  if (tokens_.is_symbol(",")) {
    throw SyntaxFault(line, "headscope's Jinja has no subscripts of several values");
  }
  tokens_.expect_symbol("]");
  return result;
}

ExpressionPtr ExpressionParser::call(ExpressionPtr operand) {
  ExpressionPtr call = make(Op::call, tokens_.line());
  add_part(*call, std::move(operand));
  arguments(*call);
  return call;
}

void ExpressionParser::arguments(Expression& call) {
  const int line = tokens_.line();
  tokens_.expect_symbol("(");
  while (!tokens_.is_symbol(")")) {
    if (tokens_.is_symbol("*") || tokens_.is_symbol("**")) {
      throw SyntaxFault(line, "headscope's Jinja has no * and ** in calls");
    }
    if (tokens_.is(TokenKind::name) && tokens_.is_symbol("=", 1)) {
      const std::string name = tokens_.next().text;
      tokens_.next();
      if (std::find(call.words.begin(), call.words.end(), name) != call.words.end()) {
        throw SyntaxFault(line, fmt::format("the argument '{}' is given twice", name));
      }
      call.words.push_back(name);
    } else if (!call.words.empty()) {
      throw SyntaxFault(line, "an argument without a name stands behind one with a name");
    }
    add_part(call, expression());
    if (!tokens_.skip_symbol(",")) {
      break;
    }
  }
  tokens_.expect_symbol(")");
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr operand) {
  while (true) {
    if (tokens_.is_symbol("|")) {
      operand = filters(std::move(operand));
    } else if (tokens_.is_name("is")) {
      operand = test(std::move(operand));
    } else if (tokens_.is_symbol("(")) {
      operand = call(std::move(operand));
    } else {
      return operand;
    }
  }
}

std::string ExpressionParser::dotted_name() {
  std::string name = tokens_.any_name();
  while (tokens_.skip_symbol(".")) {
    name += "." + tokens_.any_name();
  }
  return name;
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr operand) {
  while (tokens_.skip_symbol("|")) {
    operand = filter_call(std::move(operand));
  }
  return operand;
}

ExpressionPtr ExpressionParser::filter_call(ExpressionPtr operand) {
  ExpressionPtr filter = make(Op::filter, tokens_.line());
  add_part(*filter, std::move(operand));
  filter->name = dotted_name();
  if (tokens_.is_symbol("(")) {
    arguments(*filter);
  }
  return filter;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr operand) {
  const int line = tokens_.next().line;
  const bool negated = tokens_.skip_name("not");
  ExpressionPtr test = make(Op::test, line);
  add_part(*test, std::move(operand));
  test->name = dotted_name();
  const bool word = tokens_.is(TokenKind::name) && !tokens_.is_name("else") &&
                    !tokens_.is_name("or") && !tokens_.is_name("and");
  if (tokens_.is_symbol("(")) {
    arguments(*test);
  } else if (tokens_.is_name("is")) {
    throw SyntaxFault(line, "tests with 'is' cannot be chained");
  } else if (word || tokens_.is(TokenKind::constant) || tokens_.is_symbol("[") ||
             tokens_.is_symbol("{")) {
    add_part(*test, postfix(primary()));
  }
  if (!negated) {
    return test;
  }
  ExpressionPtr negation = make(Op::logical_not, line);
  add_part(*negation, std::move(test));
  return negation;
}

}  // namespace headscope::jinja
