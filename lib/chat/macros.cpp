#include <algorithm>

#include "lib/chat/evaluator.h"
#include "lib/chat/evaluator_inside.h"

namespace headscope::jinja {
namespace {

bool has_parameter(const Statement& macro, const std::string& name) {
  return std::any_of(macro.parameters.begin(),
                     macro.parameters.end(),
                     [&](const Parameter& parameter) { return parameter.name == name; });
}

// What is given for a parameter by name, or null.
const Value* given_by_name(const Arguments& arguments, const std::string& name) {
  const auto found = std::find_if(arguments.named.begin(),
                                  arguments.named.end(),
                                  [&](const auto& argument) { return argument.first == name; });
  return found == arguments.named.end() ? nullptr : &found->second;
}

void check_arguments(const Statement& macro, const Arguments& arguments) {
  const std::size_t places = macro.parameters.size();
  if (arguments.positional.size() > places) {
    throw Fault("the macro '{}' takes {} arguments at most, not {}",
                macro.text,
                places,
                arguments.positional.size());
  }
  for (const auto& argument : arguments.named) {
    const auto& name = argument.first;
    const auto found = std::find_if(
        macro.parameters.begin(), macro.parameters.end(), [&](const Parameter& parameter) {
          return parameter.name == name;
        });
    const auto place = static_cast<std::size_t>(found - macro.parameters.begin());
    const bool caller = name == "caller" && found == macro.parameters.end();
    if (!caller && (found == macro.parameters.end() || place < arguments.positional.size())) {
      throw Fault("the macro '{}' has no free parameter '{}'", macro.text, name);
    }
  }
}

}  // namespace

Value Evaluator::macro_value(const Statement& statement) {
  with_macros_.push_back(scope_);
  Callable callable{statement.text,
                    [this, &statement, defined_in = scope_](const Arguments& arguments) {
                      return call_macro(statement, defined_in, arguments);
                    }};
  return std::make_shared<const Callable>(std::move(callable));
}

void Evaluator::define_macro(const Statement& statement) {
  for (const char* special : {"varargs", "kwargs", "caller"}) {
    if (has_parameter(statement, special)) {
      throw Fault("headscope's Jinja has no parameter '{}' of macros", special);
    }
  }
  scope_->set(statement.text, macro_value(statement));
}

void Evaluator::run_call_block(const Statement& statement) {
  const Value caller = macro_value(statement);
  const Value result = call(*statement.value, &caller);
  if (result.text() == nullptr) {
    throw Fault("{% call %} calls what is no macro");
  }
  write(*result.text());
}

void Evaluator::set_parameters(const Statement& macro, const Arguments& arguments) {
  for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
    const Parameter& parameter = macro.parameters[i];
    const Value* named = given_by_name(arguments, parameter.name);
    if (i < arguments.positional.size()) {
      scope_->set(parameter.name, arguments.positional[i]);
    } else if (named != nullptr) {
      scope_->set(parameter.name, *named);
    } else if (parameter.otherwise != nullptr) {
      scope_->set(parameter.name, evaluate(*parameter.otherwise));
    } else {
      scope_->set(parameter.name,
                  Value::undefined("parameter '" + parameter.name + "' was not provided"));
    }
  }
  const Value* caller = given_by_name(arguments, "caller");
  scope_->set(
      "caller",
      caller != nullptr ? *caller : Value::undefined("the macro was not called by {% call %}"));
  // `varargs` and `kwargs` are refused where they are read.
  check_arguments(macro, arguments);
}

Value Evaluator::call_macro(const Statement& macro,
                            const ScopePtr& defined_in,
                            const Arguments& arguments) {
  const Meter::Nested nested(meter_);
  const Inside inside(*this, defined_in, macro.body);
  const int called_at = line_;
  set_parameters(macro, arguments);
  std::string text;
  capture(macro.body, text);
  line_ = called_at;
  return meter_.made(std::move(text));
}

}  // namespace headscope::jinja
