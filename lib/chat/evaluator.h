// Runs a template's syntax tree.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/chat/globals.h"
#include "lib/chat/meter.h"
#include "lib/chat/scope.h"
#include "lib/chat/syntax.h"

namespace headscope::jinja {

class Evaluator {
 public:
  // `variables`: what the template is given; they hide global functions of the same name.
  Evaluator(Meter& meter, Variables variables);
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // The text. Throws Fault; line() is then where.
  std::string run(const Block& whole);

  [[nodiscard]] int line() const { return line_; }

 private:
  enum class Flow { on, next_round, leave_loop };
  using ScopePtr = std::shared_ptr<Scope>;
  class Inside;

  // statements.cpp
  Flow run_block(const Block& block);
  Flow run_statement(const Statement& statement);
  Flow run_condition(const Statement& statement);
  Flow run_loop(const Statement& statement);
  Flow run_rounds(const Statement& statement,
                  const std::shared_ptr<Loop>& loop,
                  const Value& walked);
  bool keeps(const Statement& statement, const Value& item);
  Flow run_set_block(const Statement& statement);
  Flow run_with(const Statement& statement);
  Flow run_filter_block(const Statement& statement);
  void write(const std::string& text);
  Flow capture(const Block& body, std::string& text);
  void assign(const Expression& target, const Value& value);
  void assign_attribute(const Expression& target, const Value& value);

  // macros.cpp
  void define_macro(const Statement& statement);
  void run_call_block(const Statement& statement);
  Value macro_value(const Statement& statement);
  Value call_macro(const Statement& macro, const ScopePtr& defined_in, const Arguments& arguments);
  void set_parameters(const Statement& macro, const Arguments& arguments);

  // expressions.cpp
  Value evaluate(const Expression& expression);
  Value evaluate_plain(const Expression& expression);
  Value variable(const std::string& name);
  Value list(const Expression& expression, Sequence::Kind kind);
  Value dict(const Expression& expression);
  Value slice(const Expression& expression);
  Value concat(const Expression& expression);
  Value comparison(const Expression& expression);
  Value call(const Expression& expression, const Value* caller = nullptr);
  Value filter(const Expression& expression, const Value* operand = nullptr);
  Arguments arguments(const Expression& expression);

  Meter& meter_;
  Variables variables_;
  ScopePtr scope_;
  std::string* out_ = nullptr;
  std::vector<std::weak_ptr<Scope>> with_macros_;  // whose macros hold them in turn
  bool filters_loop_ =
      false;  // inside of the filter of a loop, which Python runs between its rounds
  int line_ = 1;
};

}  // namespace headscope::jinja
