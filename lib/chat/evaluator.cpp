#include "lib/chat/evaluator.h"

#include "lib/chat/evaluator_inside.h"

namespace headscope::jinja {

Evaluator::Evaluator(Meter& meter, Variables variables)
    : meter_(meter), variables_(std::move(variables)) {}

// A macro holds the scope it was defined in, which holds the macro.
Evaluator::~Evaluator() {
  for (const std::weak_ptr<Scope>& held : with_macros_) {
    if (const auto scope = held.lock()) {
      scope->variables.clear();
    }
  }
}

std::string Evaluator::run(const Block& whole) {
  std::string text;
  out_ = &text;
  const Inside inside(*this, whole);
  run_block(whole);
  return text;
}

}  // namespace headscope::jinja
