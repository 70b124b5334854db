#include "lib/chat/parser.h"

#include <algorithm>
#include <array>
#include <span>

#include "lib/chat/expression_parser.h"
#include "lib/chat/lexer.h"
#include "lib/chat/scope_names.h"

namespace headscope::jinja {
namespace {

constexpr std::string_view kIfEnds[] = {"elif", "else", "endif"};
constexpr std::string_view kForEnds[] = {"else", "endfor"};

class StatementParser {
 public:
  StatementParser(std::vector<Token> tokens, int most_nested)
      : tokens_(std::move(tokens)), expressions_(tokens_, most_nested), most_nested_(most_nested) {}

  Block whole() {
    Block block;
    read(block, {});
    return block;
  }

 private:
  using Ends = std::span<const std::string_view>;

  // Statements up to one of the `ends`, whose tag stays unread behind its "{%"; the template's end
  // if there are none.
  void read(Block& block, Ends ends) {
    while (!tokens_.is(TokenKind::end)) {
      const int line = tokens_.line();
      if (tokens_.is(TokenKind::data)) {
        block.statements.push_back({.kind = Kind::text, .line = line, .text = tokens_.next().text});
      } else if (tokens_.is(TokenKind::variable_begin)) {
        tokens_.next();
        block.statements.push_back(
            {.kind = Kind::print, .line = line, .value = expressions_.tuple()});
        tokens_.expect(TokenKind::variable_end);
      } else {
        tokens_.next();
        if (tokens_.is(TokenKind::name) &&
            std::find(ends.begin(), ends.end(), tokens_.peek().text) != ends.end()) {
          return;
        }
        block.statements.push_back(tag());
        tokens_.expect(TokenKind::block_end);
      }
    }
    if (!ends.empty()) {
      throw SyntaxFault(tokens_.line(),
                        fmt::format("the template ends where '{}' is expected", ends.back()));
    }
  }

  // The body of a tag whose "%}" comes next, to the tag that ends it.
  Block body(Ends ends) {
    if (++nested_ > most_nested_) {
      throw SyntaxFault(tokens_.line(),
                        fmt::format("blocks lie more than {} deep in one another", most_nested_));
    }
    tokens_.skip_symbol(":");
    tokens_.expect(TokenKind::block_end);
    Block block;
    read(block, ends);
    --nested_;
    return block;
  }

  Block body_to(std::string_view end) {
    Block block = body(Ends(&end, 1));
    tokens_.next();
    return block;
  }

  Statement tag() {
    struct Tag {
      std::string_view name;
      Statement (StatementParser::*parse)(int);
    };
    static constexpr std::array<Tag, 10> kTags = {{{"if", &StatementParser::condition},
                                                   {"for", &StatementParser::loop},
                                                   {"set", &StatementParser::assignment},
                                                   {"macro", &StatementParser::macro},
                                                   {"call", &StatementParser::call_block},
                                                   {"filter", &StatementParser::filter_block},
                                                   {"with", &StatementParser::with_block},
                                                   {"generation", &StatementParser::generation},
                                                   {"break", &StatementParser::leave},
                                                   {"continue", &StatementParser::next}}};
    const int line = tokens_.line();
    const std::string name = tokens_.any_name();
    const auto found =
        std::find_if(kTags.begin(), kTags.end(), [&](const Tag& tag) { return tag.name == name; });
    if (found == kTags.end()) {
      throw SyntaxFault(line, fmt::format("headscope's Jinja has no tag '{}' here", name));
    }
    return (this->*found->parse)(line);
  }

  Statement condition(int line) {
    Statement statement{.kind = Kind::condition, .line = line};
    do {
      ExpressionPtr test = expressions_.tuple_without_condition();
      Block block = body(kIfEnds);
      statement.branches.push_back({std::move(test), std::move(block)});
    } while (tokens_.skip_name("elif"));
    if (tokens_.skip_name("else")) {
      statement.otherwise = body_to("endif");
    } else {
      tokens_.expect_name("endif");
    }
    return statement;
  }

  Statement loop(int line) {
    Statement statement{.kind = Kind::loop, .line = line};
    statement.target = expressions_.target();
    tokens_.expect_name("in");
    statement.value = expressions_.tuple_without_condition();
    if (tokens_.skip_name("if")) {
      statement.only_if = expressions_.expression();
    }
    if (tokens_.is_name("recursive")) {
      throw SyntaxFault(line, "headscope's Jinja has no recursive loops");
    }
    ++loops_;
    statement.body = body(kForEnds);
    --loops_;
    if (tokens_.skip_name("else")) {
      statement.has_else = true;
      statement.otherwise = body_to("endfor");
    } else {
      tokens_.expect_name("endfor");
    }
    return statement;
  }

  Statement assignment(int line) {
    Statement statement{.kind = Kind::set, .line = line};
    statement.target = expressions_.set_target();
    if (tokens_.skip_symbol("=")) {
      statement.value = expressions_.tuple();
      return statement;
    }
    statement.kind = Kind::set_block;
    statement.value = expressions_.filters(nullptr);
    statement.body = outside_loops("endset", loops_);
    return statement;
  }

  // A body that `{% break %}` cannot leave, unless it is no function of its own.
  Block outside_loops(std::string_view end, int loops) {
    std::swap(loops_, loops);
    Block block = body_to(end);
    std::swap(loops_, loops);
    return block;
  }

  void parameters(Statement& statement) {
    tokens_.expect_symbol("(");
    while (!tokens_.is_symbol(")")) {
      Parameter parameter{tokens_.any_name(), nullptr};
      if (tokens_.skip_symbol("=")) {
        parameter.otherwise = expressions_.expression();
      } else if (!statement.parameters.empty() &&
                 statement.parameters.back().otherwise != nullptr) {
        throw SyntaxFault(statement.line,
                          "a parameter without a default stands behind one that has one");
      }
      statement.parameters.push_back(std::move(parameter));
      if (!tokens_.skip_symbol(",")) {
        break;
      }
    }
    tokens_.expect_symbol(")");
  }

  Statement macro(int line) {
    Statement statement{.kind = Kind::macro, .line = line};
    statement.text = tokens_.any_name();
    parameters(statement);
    statement.body = outside_loops("endmacro", 0);
    return statement;
  }

  Statement call_block(int line) {
    Statement statement{.kind = Kind::call, .line = line};
    if (tokens_.is_symbol("(")) {
      parameters(statement);
    }
    statement.value = expressions_.expression();
    if (statement.value->op != Op::call) {
      throw SyntaxFault(line, "{% call %} needs a call");
    }
    statement.body = outside_loops("endcall", 0);
    return statement;
  }

  Statement filter_block(int line) {
    Statement statement{.kind = Kind::filter, .line = line};
    statement.value = expressions_.filters(expressions_.filter_call(nullptr));
    statement.body = outside_loops("endfilter", loops_);
    return statement;
  }

  Statement with_block(int line) {
    Statement statement{.kind = Kind::with, .line = line};
    while (!tokens_.is(TokenKind::block_end)) {
      if (!statement.parameters.empty()) {
        tokens_.expect_symbol(",");
      }
      std::string name = tokens_.any_name();
      tokens_.expect_symbol("=");
      statement.parameters.push_back({std::move(name), expressions_.expression()});
    }
    statement.body = body_to("endwith");
    return statement;
  }

  Statement generation(int line) {
    Statement statement{.kind = Kind::generation, .line = line};
    statement.body = outside_loops("endgeneration", 0);
    return statement;
  }

  Statement leave(int line) { return jump(Kind::leave, line); }
  Statement next(int line) { return jump(Kind::next, line); }
  Statement jump(Kind kind, int line) const {
    if (loops_ == 0) {
      throw SyntaxFault(line, "{% break %} or {% continue %} outside of a loop");
    }
    return {.kind = kind, .line = line};
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int most_nested_;
  int nested_ = 0;
  int loops_ = 0;  // around the place that is read, inside of its macro
};

}  // namespace

Block parse_template(std::string_view source, int most_nested) {
  Block block = StatementParser(tokenize(source), most_nested).whole();
  resolve_scopes(block);
  return block;
}

}  // namespace headscope::jinja
