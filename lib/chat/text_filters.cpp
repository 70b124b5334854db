// Filters that make text.
#include <algorithm>

#include "lib/chat/access.h"
#include "lib/chat/arguments.h"
#include "lib/chat/filters.h"
#include "lib/chat/format_text.h"
#include "lib/chat/operators.h"
#include "lib/chat/python_case.h"
#include "lib/chat/python_repr.h"
#include "lib/chat/python_text.h"

namespace headscope::jinja {
namespace {

// A str as it is, anything else as it prints.
Text soft_text(Meter& meter, const Value& value) {
  if (const auto* text = value.as<Text>()) {
    meter.step(weight(value));
    return *text;
  }
  meter.step(weight(value));
  return {std::make_shared<const std::string>(to_text(value)), false};
}

Value marked_as(const Text& model, std::string text) {
  return Text{std::make_shared<const std::string>(std::move(text)), model.safe};
}

Value upper_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("upper", arguments, {});
  const Text text = soft_text(meter, value);
  return marked_as(text, upper(*text.bytes));
}

Value lower_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("lower", arguments, {});
  const Text text = soft_text(meter, value);
  return marked_as(text, lower(*text.bytes));
}

Value capitalize_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("capitalize", arguments, {});
  const Text text = soft_text(meter, value);
  return marked_as(text, capitalize(*text.bytes));
}

Value title_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("title", arguments, {});
  return title_words(*soft_text(meter, value).bytes);
}

Value trim_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("trim", arguments, {"chars"});
  const Text text = soft_text(meter, value);
  if (bound.given(0) == nullptr) {
    return marked_as(text, std::string(strip(*text.bytes, Side::both)));
  }
  const std::string set = bound.text(0);
  return marked_as(text, std::string(strip(*text.bytes, Side::both, &set)));
}

Value string_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("string", arguments, {});
  return soft_text(meter, value);
}

Value safe_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("safe", arguments, {});
  return Text{soft_text(meter, value).bytes, true};
}

Value escape_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("escape", arguments, {});
  const Text text = soft_text(meter, value);
  return text.safe ? text
                   : Text{std::make_shared<const std::string>(escape_html(*text.bytes)), true};
}

Value replace_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("replace", arguments, {"old", "new", "count"}, 2);
  const std::int64_t count = bound.given(2) == nullptr ? -1 : bound.integer(2, -1);
  return replaced(meter,
                  *soft_text(meter, value).bytes,
                  *soft_text(meter, *bound.get(0)).bytes,
                  *soft_text(meter, *bound.get(1)).bytes,
                  count);
}

// indent's lines are made of the text and a newline more, so that an empty last line is one.
Value indent_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("indent", arguments, {"width", "first", "blank"});
  const auto* text = value.as<Text>();
  if (text == nullptr) {
    throw Fault("indent needs a str, not a value of type {}", type_name(value));
  }
  if (text->safe) {
    throw Fault("headscope's Jinja does not know 'indent' of a str marked |safe");
  }
  constexpr std::int64_t kWidest = 1000;
  const bool spaces = bound.get(0) == nullptr || bound.get(0)->text() == nullptr;
  const std::string indent = spaces ? std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(
                                                      bound.integer(0, 4), 0, kWidest)),
                                                  ' ')
                                    : bound.text(0);
  const std::vector<std::string> lines = split_lines(*text->bytes + "\n");
  meter.text(text->bytes->size() + lines.size() * (indent.size() + 1));
  std::string result = bound.flag(1, false) ? indent : "";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    result += i == 0 ? "" : "\n";
    result += i > 0 && (bound.flag(2, false) || !lines[i].empty()) ? indent : "";
    result += lines[i];
  }
  return result;
}

Value join_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("join", arguments, {"d", "attribute"});
  const std::string between = bound.get(0) == nullptr ? "" : to_text(*bound.get(0));
  std::string result;
  bool first = true;
  for (const Value& item : elements(value)) {
    const std::string part =
        to_text(bound.given(1) == nullptr ? item : get_path(meter, item, *bound.get(1)));
    result += first ? "" : between;
    result += part;
    first = false;
    meter.step(static_cast<std::int64_t>(1 + (part.size() + between.size()) / 32));
    if (result.size() > meter.limits().text_bytes) {
      meter.text(result.size());
    }
  }
  return result;
}

constexpr Filter kTextFilters[] = {{"upper", upper_filter},
                                   {"lower", lower_filter},
                                   {"capitalize", capitalize_filter},
                                   {"title", title_filter},
                                   {"trim", trim_filter},
                                   {"string", string_filter},
                                   {"safe", safe_filter},
                                   {"escape", escape_filter},
                                   {"e", escape_filter},
                                   {"replace", replace_filter},
                                   {"indent", indent_filter},
                                   {"join", join_filter}};

}  // namespace

std::span<const Filter> text_filters() {
  return kTextFilters;
}

}  // namespace headscope::jinja
