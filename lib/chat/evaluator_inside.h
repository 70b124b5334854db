// A scope of the running template that ends with the C++ scope.
#pragma once

#include "lib/chat/evaluator.h"

namespace headscope::jinja {

class Evaluator::Inside {
 public:
  Inside(Evaluator& evaluator, ScopePtr outer, const Block& block)
      : evaluator_(evaluator), before_(evaluator.scope_) {
    evaluator_.scope_ = std::make_shared<Scope>(Scope{.outer = std::move(outer)});
    for (const std::string& name : block.unset) {
      evaluator_.scope_->set(name, Value::undefined("'" + name + "' is undefined"));
    }
  }
  Inside(Evaluator& evaluator, const Block& block) : Inside(evaluator, evaluator.scope_, block) {}
  ~Inside() { evaluator_.scope_ = before_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Evaluator& evaluator_;
  ScopePtr before_;
};

}  // namespace headscope::jinja
