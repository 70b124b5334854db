#include <algorithm>

#include "lib/chat/access.h"
#include "lib/chat/evaluator.h"
#include "lib/chat/filters.h"
#include "lib/chat/operators.h"
#include "lib/chat/python_repr.h"
#include "lib/chat/tests.h"

namespace headscope::jinja {

Value Evaluator::variable(const std::string& name) {
  if (const Value* value = scope_->find(name)) {
    if (filters_loop_ && value->is<std::shared_ptr<Namespace>>()) {
      throw Fault("headscope's Jinja has no loop filters that read a namespace ('{}')", name);
    }
    return *value;
  }
  if (const auto found = variables_.find(name); found != variables_.end()) {
    return found->second;
  }
  if (is_unknown_global(name) || name == "varargs" || name == "kwargs" || name == "self") {
    throw Fault("headscope's Jinja has no '{}'", name);
  }
  return Value::undefined("'" + name + "' is undefined");
}

Value Evaluator::evaluate(const Expression& expression) {
  const Meter::Nested nested(meter_);
  meter_.step();
  line_ = expression.line;
  switch (expression.op) {
    case Op::constant:
      return expression.value;
    case Op::name:
      return variable(expression.name);
    case Op::condition:
      if (is_true(evaluate(*expression.parts[0]))) {
        return evaluate(*expression.parts[1]);
      }
      return expression.parts[2] == nullptr
                 ? Value::undefined("an `if` without `else` has no value")
                 : evaluate(*expression.parts[2]);
    case Op::logical_and:
    case Op::logical_or: {
      Value left = evaluate(*expression.parts[0]);
      const bool decided = is_true(left) == (expression.op == Op::logical_or);
      return decided ? left : evaluate(*expression.parts[1]);
    }
    case Op::call:
      return call(expression);
    case Op::filter:
      return filter(expression);
    default:
      return evaluate_plain(expression);
  }
}

Value Evaluator::evaluate_plain(const Expression& expression) {
  switch (expression.op) {
    case Op::list:
      return list(expression, Sequence::Kind::list);
    case Op::tuple:
      return list(expression, Sequence::Kind::tuple);
    case Op::dict:
      return dict(expression);
    case Op::slice:
      return slice(expression);
    case Op::concat:
      return concat(expression);
    case Op::compare:
      return comparison(expression);
    case Op::attribute:
      return get_attribute(meter_, evaluate(*expression.parts[0]), expression.name);
    case Op::item: {
      const Value whole = evaluate(*expression.parts[0]);
      return get_item(meter_, whole, evaluate(*expression.parts[1]));
    }
    case Op::test: {
      const Value value = evaluate(*expression.parts[0]);
      return call_test(meter_, expression.name, value, arguments(expression));
    }
    case Op::logical_not:
      return !is_true(evaluate(*expression.parts[0]));
    case Op::negate:
    case Op::plus:
      return signed_value(expression.op, evaluate(*expression.parts[0]));
    default: {
      const Value left = evaluate(*expression.parts[0]);
      const Value right = evaluate(*expression.parts[1]);
      line_ = expression.line;
      return arithmetic(meter_, expression.op, left, right);
    }
  }
}

Value Evaluator::list(const Expression& expression, Sequence::Kind kind) {
  std::vector<Value> items;
  items.reserve(expression.parts.size());
  for (const ExpressionPtr& part : expression.parts) {
    items.push_back(evaluate(*part));
  }
  return meter_.made(std::move(items), kind);
}

Value Evaluator::dict(const Expression& expression) {
  Dict dict;
  for (std::size_t i = 0; i < expression.parts.size(); i += 2) {
    const Value key = evaluate(*expression.parts[i]);
    dict.set(key, evaluate(*expression.parts[i + 1]));
  }
  return make_dict(std::move(dict));
}

Value Evaluator::slice(const Expression& expression) {
  const Value whole = evaluate(*expression.parts[0]);
  std::optional<std::int64_t> bounds[3];
  for (std::size_t i = 0; i < 3; ++i) {
    if (expression.parts[i + 1] == nullptr) {
      continue;
    }
    const Value bound = evaluate(*expression.parts[i + 1]);
    std::int64_t place = 0;
    if (const std::int64_t* number = integer(bound, place)) {
      bounds[i] = *number;
    } else if (!bound.is<None>()) {
      require_defined(bound);
      throw Fault("a slice's bounds are ints, not values of type {}", type_name(bound));
    }
  }
  return get_slice(meter_, whole, {bounds[0], bounds[1], bounds[2]});
}

Value Evaluator::concat(const Expression& expression) {
  std::string text;
  for (const ExpressionPtr& part : expression.parts) {
    const Value value = evaluate(*part);
    meter_.step(weight(value));
    text += to_text(value);
    if (text.size() > meter_.limits().text_bytes) {
      meter_.text(text.size());
    }
  }
  return text;
}

// A chain stops at the first comparison that does not hold.
Value Evaluator::comparison(const Expression& expression) {
  Value left = evaluate(*expression.parts[0]);
  for (std::size_t i = 0; i < expression.words.size(); ++i) {
    Value right = evaluate(*expression.parts[i + 1]);
    if (!compare(meter_, expression.words[i], left, right)) {
      return false;
    }
    left = std::move(right);
  }
  return true;
}

Arguments Evaluator::arguments(const Expression& expression) {
  Arguments arguments;
  const std::size_t named = expression.words.size();
  const std::size_t first_named = expression.parts.size() - named;
  for (std::size_t i = 1; i < expression.parts.size(); ++i) {
    Value value = evaluate(*expression.parts[i]);
    if (i < first_named) {
      arguments.positional.push_back(std::move(value));
    } else {
      arguments.named.emplace_back(expression.words[i - first_named], std::move(value));
    }
  }
  return arguments;
}

Value Evaluator::call(const Expression& expression, const Value* caller) {
  const Value callee = evaluate(*expression.parts[0]);
  Arguments given = arguments(expression);
  if (caller != nullptr) {
    given.named.emplace_back("caller", *caller);
  }
  line_ = expression.line;
  require_defined(callee);
  const auto* callable = callee.as<std::shared_ptr<const Callable>>();
  if (callable == nullptr) {
    throw Fault("a value of type {} cannot be called", type_name(callee));
  }
  const std::shared_ptr<const Callable> held = *callable;
  return held->call(given);
}

Value Evaluator::filter(const Expression& expression, const Value* operand) {
  const Expression* inner = expression.parts[0].get();
  const Value value = inner == nullptr     ? *operand
                      : operand == nullptr ? evaluate(*inner)
                                           : filter(*inner, operand);
  const Arguments given = arguments(expression);
  line_ = expression.line;
  return call_filter(meter_, expression.name, value, given);
}

}  // namespace headscope::jinja
