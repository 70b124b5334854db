// Filters of any value.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "lib/chat/access.h"
#include "lib/chat/arguments.h"
#include "lib/chat/filters.h"
#include "lib/chat/number_text.h"
#include "lib/chat/operators.h"
#include "lib/chat/value_json.h"

namespace headscope::jinja {
namespace {

Value default_filter(Meter&, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("default", arguments, {"default_value", "boolean"});
  if (value.is<Undefined>() || (bound.flag(1, false) && !is_true(value))) {
    return bound.get(0) == nullptr ? Value("") : *bound.get(0);
  }
  return value;
}

// An int is so many spaces; a str is itself. json.dumps() takes no other.
std::optional<std::string> indent_of(const BoundArguments& bound, std::size_t place) {
  const Value* indent = bound.given(place);
  if (indent == nullptr) {
    return std::nullopt;
  }
  constexpr std::int64_t kWidest = 64;
  const std::int64_t width = indent->text() != nullptr ? 0 : bound.integer(place, 0);
  if (width > kWidest || (indent->text() != nullptr && indent->text()->size() > kWidest)) {
    throw Fault("tojson: an indent of more than {} characters", kWidest);
  }
  return indent->text() != nullptr
             ? *indent->text()
             : std::string(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
}

Value tojson_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(
      "tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  DumpOptions options{.ensure_ascii = bound.flag(0, false),
                      .indent = indent_of(bound, 1),
                      .sort_keys = bound.flag(3, false),
                      .most_bytes = meter.limits().text_bytes};
  options.item_separator = options.indent ? "," : ", ";
  if (const Value* separators = bound.given(2)) {
    const Sequence* both = separators->sequence();
    if (both == nullptr || both->items.size() != 2 || both->items[0].text() == nullptr ||
        both->items[1].text() == nullptr) {
      throw Fault("tojson: separators must be two strs");
    }
    options.item_separator = *both->items[0].text();
    options.key_separator = *both->items[1].text();
  }
  meter.step(weight(value));
  return meter.made(dump_json(value, options));
}

Value int_filter(Meter&, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("int", arguments, {"default", "base"});
  if (bound.integer(1, 10) != 10) {
    throw Fault("headscope's Jinja knows int with base 10 alone");
  }
  require_defined(value);
  std::int64_t place = 0;
  if (const std::int64_t* number = integer(value, place)) {
    return *number;
  }
  if (const auto* number = value.as<double>()) {
    return whole_part(*number);
  }
  if (const std::string* text = value.text()) {
    if (const auto number = parse_integer(*text)) {
      return *number;
    }
    if (const auto number = parse_float(*text)) {
      return whole_part(*number);
    }
  }
  return bound.get(0) == nullptr ? Value(0) : *bound.get(0);
}

Value float_filter(Meter&, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("float", arguments, {"default"});
  require_defined(value);
  std::int64_t place = 0;
  if (const std::int64_t* number = integer(value, place)) {
    return static_cast<double>(*number);
  }
  if (value.is<double>()) {
    return value;
  }
  if (value.text() != nullptr) {
    if (const auto number = parse_float(*value.text())) {
      return *number;
    }
  }
  return bound.get(0) == nullptr ? Value(0.0) : *bound.get(0);
}

Value abs_filter(Meter&, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("abs", arguments, {});
  if (!is_number(value)) {
    throw Fault("abs needs a number, not a value of type {}", type_name(value));
  }
  return signed_value(less(value, 0) ? Op::negate : Op::plus, value);
}

constexpr Filter kValueFilters[] = {{"default", default_filter},
                                    {"d", default_filter},
                                    {"tojson", tojson_filter},
                                    {"int", int_filter},
                                    {"float", float_filter},
                                    {"abs", abs_filter}};

}  // namespace

std::span<const Filter> value_filters() {
  return kValueFilters;
}

}  // namespace headscope::jinja
