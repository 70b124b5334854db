#include "lib/chat/tests.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "lib/chat/arguments.h"
#include "lib/chat/filters.h"
#include "lib/chat/operators.h"
#include "lib/chat/python_case.h"
#include "lib/chat/python_repr.h"

namespace headscope::jinja {
namespace {

// A test of the value alone.
struct PlainTest {
  std::string_view name;
  bool (*holds)(const Value&);
};

bool is_integer(const Value& value) {
  return value.is<std::int64_t>();
}

bool is_iterable(const Value& value) {
  return value.text() != nullptr || value.sequence() != nullptr || value.dict() != nullptr ||
         value.is<Undefined>();
}

// What has a length and elements by index: Python asks for no more, so a dict is one too, and what
// is undefined.
bool is_sequence(const Value& value) {
  const Sequence* sequence = value.sequence();
  return value.text() != nullptr || value.dict() != nullptr || value.is<Undefined>() ||
         (sequence != nullptr && sequence->indexable());
}

bool is_callable(const Value& value) {
  if (value.is<std::shared_ptr<const Loop>>() || value.is<Undefined>()) {
    throw Fault("headscope's Jinja does not know whether a value of type {} is callable",
                type_name(value));
  }
  return value.is<std::shared_ptr<const Callable>>();
}

bool is_false_value(const Value& value) {
  return value.is<bool>() && !*value.as<bool>();
}

bool is_true_value(const Value& value) {
  return value.is<bool>() && *value.as<bool>();
}

// Whether value % 2 is `rest`, which neither 0 nor 1 is of 1.5.
bool leaves_of_two(const Value& value, double rest) {
  std::int64_t place = 0;
  if (const std::int64_t* number = integer(value, place)) {
    return std::abs(*number % 2) == static_cast<std::int64_t>(rest);
  }
  const auto* number = value.as<double>();
  if (number == nullptr) {
    throw Fault("even and odd need a number, not a value of type {}", type_name(value));
  }
  return *number - 2.0 * std::floor(*number / 2.0) == rest;
}

constexpr PlainTest kPlainTests[] = {
    {"defined", [](const Value& value) { return !value.is<Undefined>(); }},
    {"undefined", [](const Value& value) { return value.is<Undefined>(); }},
    {"none", [](const Value& value) { return value.is<None>(); }},
    {"boolean", [](const Value& value) { return value.is<bool>(); }},
    {"true", is_true_value},
    {"false", is_false_value},
    {"integer", is_integer},
    {"float", [](const Value& value) { return value.is<double>(); }},
    {"number", is_number},
    {"string", [](const Value& value) { return value.text() != nullptr; }},
    {"mapping", [](const Value& value) { return value.dict() != nullptr; }},
    {"iterable", is_iterable},
    {"sequence", is_sequence},
    {"callable", is_callable},
    {"lower", [](const Value& value) { return is_lower(to_text(value)); }},
    {"upper", [](const Value& value) { return is_upper(to_text(value)); }},
    {"even", [](const Value& value) { return leaves_of_two(value, 0.0); }},
    {"odd", [](const Value& value) { return leaves_of_two(value, 1.0); }},
    {"escaped", [](const Value& value) { return value.is<Text>() && value.as<Text>()->safe; }},
};

// A test that compares with its argument.
struct ComparingTest {
  std::string_view name;
  std::string_view word;
};

constexpr ComparingTest kComparingTests[] = {
    {"eq", "=="}, {"equalto", "=="},   {"==", "=="},      {"ne", "!="},   {"!=", "!="},
    {"lt", "<"},  {"<", "<"},          {"lessthan", "<"}, {"le", "<="},   {"<=", "<="},
    {"gt", ">"},  {">", ">"},          {"ge", ">="},      {">=", ">="},   {"greaterthan", ">"},
    {"in", "in"}, {"divisibleby", ""}, {"sameas", ""},    {"filter", ""}, {"test", ""},
};

template <typename List>
const auto* find_in(const List& list, const std::string& name) {
  const auto found = std::find_if(
      std::begin(list), std::end(list), [&](const auto& entry) { return entry.name == name; });
  return found == std::end(list) ? nullptr : &*found;
}

// The same object: what that means for values that are copied is known for those there is one of.
bool is_same(const Value& a, const Value& b) {
  if (a.held().index() != b.held().index() || a.is<None>()) {
    return a.is<None>() && b.is<None>();
  }
  if (a.is<bool>()) {
    return *a.as<bool>() == *b.as<bool>();
  }
  throw Fault("headscope's Jinja does not know whether values of type {} are the same",
              type_name(a));
}

bool call_comparing(Meter& meter,
                    const ComparingTest& test,
                    const Value& value,
                    const Arguments& arguments) {
  const bool names_one = test.name == "filter" || test.name == "test";
  const BoundArguments bound(std::string(test.name), arguments, {"/other"}, names_one ? 0 : 1);
  if (names_one) {
    const std::string* name = value.text();
    return name != nullptr && (test.name == "filter" ? is_filter(*name) : is_test(*name));
  }
  const Value& other = *bound.get(0);
  if (test.name == "divisibleby") {
    return equal(arithmetic(meter, Op::modulo, value, other), 0);
  }
  return test.name == "sameas" ? is_same(value, other) : compare(meter, test.word, value, other);
}

}  // namespace

bool is_test(const std::string& name) {
  return find_in(kPlainTests, name) != nullptr || find_in(kComparingTests, name) != nullptr;
}

bool call_test(Meter& meter,
               const std::string& name,
               const Value& value,
               const Arguments& arguments) {
  if (const PlainTest* test = find_in(kPlainTests, name)) {
    const BoundArguments none(name, arguments, {});
    return test->holds(value);
  }
  if (const ComparingTest* test = find_in(kComparingTests, name)) {
    return call_comparing(meter, *test, value, arguments);
  }
  throw Fault("headscope's Jinja has no test '{}'", name);
}

}  // namespace headscope::jinja
