#include <utility>

#include "lib/chat/evaluator.h"
#include "lib/chat/evaluator_inside.h"
#include "lib/chat/operators.h"
#include "lib/chat/python_repr.h"

namespace headscope::jinja {

void Evaluator::write(const std::string& text) {
  meter_.step(static_cast<std::int64_t>(text.size() / 32));
  *out_ += text;
  if (out_->size() > meter_.limits().text_bytes) {
    meter_.text(out_->size());
  }
}

Evaluator::Flow Evaluator::run_block(const Block& block) {
  for (const Statement& statement : block.statements) {
    if (const Flow flow = run_statement(statement); flow != Flow::on) {
      return flow;
    }
  }
  return Flow::on;
}

Evaluator::Flow Evaluator::run_statement(const Statement& statement) {
  const Meter::Nested nested(meter_);
  meter_.step();
  line_ = statement.line;
  switch (statement.kind) {
    case Kind::text:
      write(statement.text);
      return Flow::on;
    case Kind::print:
      write(to_text(evaluate(*statement.value)));
      return Flow::on;
    case Kind::condition:
      return run_condition(statement);
    case Kind::loop:
      return run_loop(statement);
    case Kind::set:
      assign(*statement.target, evaluate(*statement.value));
      return Flow::on;
    case Kind::set_block:
      return run_set_block(statement);
    case Kind::macro:
      define_macro(statement);
      return Flow::on;
    case Kind::call:
      run_call_block(statement);
      return Flow::on;
    case Kind::filter:
      return run_filter_block(statement);
    case Kind::with:
      return run_with(statement);
    case Kind::generation: {
      const Inside inside(*this, statement.body);
      return run_block(statement.body);
    }
    case Kind::leave:
      return Flow::leave_loop;
    case Kind::next:
      return Flow::next_round;
  }
  return Flow::on;
}

Evaluator::Flow Evaluator::run_condition(const Statement& statement) {
  for (const Branch& branch : statement.branches) {
    if (is_true(evaluate(*branch.test))) {
      return run_block(branch.body);
    }
  }
  return run_block(statement.otherwise);
}

bool Evaluator::keeps(const Statement& statement, const Value& item) {
  if (statement.only_if == nullptr) {
    return true;
  }
  const Inside inside(*this, Block{});
  assign(*statement.target, item);
  const bool before = std::exchange(filters_loop_, true);
  const bool kept = is_true(evaluate(*statement.only_if));
  filters_loop_ = before;
  return kept;
}

Evaluator::Flow Evaluator::run_loop(const Statement& statement) {
  const Value walked = evaluate(*statement.value);
  auto items = std::make_shared<std::vector<Value>>();
  for (const Value& item : elements(walked)) {
    meter_.step();
    if (keeps(statement, item)) {
      items->push_back(item);
    }
  }
  if (items->empty()) {
    const Inside inside(*this, statement.otherwise);
    return run_block(statement.otherwise);
  }
  return run_rounds(statement, std::make_shared<Loop>(Loop{.items = std::move(items)}), walked);
}

Evaluator::Flow Evaluator::run_rounds(const Statement& statement,
                                      const std::shared_ptr<Loop>& loop,
                                      const Value& walked) {
  for (std::size_t i = 0; i < loop->items->size(); ++i) {
    loop->index0 = i;
    const Inside inside(*this, statement.body);
    assign(*statement.target, (*loop->items)[i]);
    scope_->set("loop", std::shared_ptr<const Loop>(loop));
    const Flow flow = run_block(statement.body);
    if (flow == Flow::leave_loop) {
      const Sequence* sequence = walked.sequence();
      if (sequence != nullptr && sequence->kind == Sequence::Kind::iterator) {
        sequence->spoiled = true;  // Python would go on from here if it were walked again
      }
      break;
    }
  }
  return Flow::on;
}

Evaluator::Flow Evaluator::capture(const Block& body, std::string& text) {
  std::string* const before = out_;
  out_ = &text;
  try {
    const Flow flow = run_block(body);
    out_ = before;
    return flow;
  } catch (...) {
    out_ = before;
    throw;
  }
}

Evaluator::Flow Evaluator::run_set_block(const Statement& statement) {
  Value value;
  {
    const Inside inside(*this, statement.body);
    std::string text;
    if (const Flow flow = capture(statement.body, text); flow != Flow::on) {
      return flow;
    }
    value = meter_.made(std::move(text));
    if (statement.value != nullptr) {
      value = filter(*statement.value, &value);
    }
  }
  assign(*statement.target, value);
  return Flow::on;
}

Evaluator::Flow Evaluator::run_filter_block(const Statement& statement) {
  std::string text;
  const Inside inside(*this, statement.body);
  if (const Flow flow = capture(statement.body, text); flow != Flow::on) {
    return flow;
  }
  const Value body = meter_.made(std::move(text));
  write(to_text(filter(*statement.value, &body)));
  return Flow::on;
}

Evaluator::Flow Evaluator::run_with(const Statement& statement) {
  std::vector<Value> values;
  for (const Parameter& parameter : statement.parameters) {
    values.push_back(evaluate(*parameter.otherwise));
  }
  const Inside inside(*this, statement.body);
  for (std::size_t i = 0; i < values.size(); ++i) {
    scope_->set(statement.parameters[i].name, values[i]);
  }
  return run_block(statement.body);
}

void Evaluator::assign_attribute(const Expression& target, const Value& value) {
  const Value held = variable(target.parts.front()->name);
  const auto* space = held.as<std::shared_ptr<Namespace>>();
  if (space == nullptr) {
    throw Fault("only a namespace has attributes that can be set, not a value of type {}",
                type_name(held));
  }
  set_attribute(**space, target.name, value);
}

void Evaluator::assign(const Expression& target, const Value& value) {
  if (target.op == Op::attribute) {
    assign_attribute(target, value);
    return;
  }
  if (target.op == Op::name) {
    scope_->set(target.name, value);
    return;
  }
  const std::vector<Value> items = elements(value);
  if (items.size() != target.parts.size()) {
    throw Fault("{} values cannot be unpacked into {} names", items.size(), target.parts.size());
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    assign(*target.parts[i], items[i]);
  }
}

}  // namespace headscope::jinja
