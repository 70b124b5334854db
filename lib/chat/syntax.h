// The syntax tree of a template.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/chat/value.h"

namespace headscope::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class Op {
  constant,
  name,
  list,
  tuple,
  dict,       // parts: key, value, key, value …
  attribute,  // parts[0].name
  item,       // parts[0][parts[1]]
  slice,      // parts[0][parts[1]:parts[2]:parts[3]], null where left out
  call,       // parts[0](rest)
  filter,     // parts[0] | name(rest); parts[0] is null where a block is filtered
  test,       // parts[0] is name(rest)
  negate,
  plus,
  logical_not,
  logical_and,
  logical_or,
  condition,  // parts[1] if parts[0] else parts[2], which may be null
  concat,
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  power,
  compare,  // parts[0] words[0] parts[1] words[1] parts[2] …
};

struct Expression {
  Op op = Op::constant;
  int line = 1;
  Value value{};       // of a constant
  std::string name{};  // of a variable, attribute, filter or test; of the space in `space.name = …`
  std::vector<ExpressionPtr> parts{};
  std::vector<std::string> words{};  // of calls: the names of the last arguments; of comparisons
  int depth = 1;                     // of expressions in one another
};

// Puts `part`, which may be null, behind the parts of `whole`. SyntaxFault beyond a depth of 250:
// what walks over expressions recurses.
void add_part(Expression& whole, ExpressionPtr part);

struct Statement;

// Statements that are run together. Where they are a scope of their own, `unset` are the names that
// begin as undefined in it, whatever the scopes around say (see scope_names.h).
struct Block {
  std::vector<Statement> statements;
  std::vector<std::string> unset{};
};

enum class Kind {
  text,   // text
  print,  // {{ value }}
  condition,
  loop,
  set,        // {% set target = value %}
  set_block,  // {% set target %}body{% endset %}, `value` its filters or null
  macro,
  call,    // {% call(parameters) value %}body{% endcall %}
  filter,  // {% filter value %}body{% endfilter %}
  with,
  generation,
  leave,  // {% break %}
  next,   // {% continue %}
};

struct Parameter {
  std::string name;
  ExpressionPtr otherwise;  // null: none
};

struct Branch {
  ExpressionPtr test;
  Block body;
};

struct Statement {
  Kind kind = Kind::text;
  int line = 1;
  std::string text{};  // of a text; the name of a macro
  ExpressionPtr target{};
  ExpressionPtr value{};
  ExpressionPtr only_if{};  // a loop's filter
  Block body{};
  Block otherwise{};                    // `else` of a condition or a loop
  std::vector<Branch> branches{};       // `if` and every `elif`
  std::vector<Parameter> parameters{};  // of a macro or call; of `with` the names and values
  bool has_else = false;
};

}  // namespace headscope::jinja
