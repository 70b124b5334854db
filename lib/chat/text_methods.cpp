// str's methods.
#include <algorithm>
#include <array>

#include "lib/chat/arguments.h"
#include "lib/chat/format_text.h"
#include "lib/chat/methods.h"
#include "lib/chat/python_case.h"
#include "lib/chat/python_repr.h"
#include "lib/chat/python_text.h"

namespace headscope::jinja {
namespace {

struct TextCall {
  Meter& meter;
  const std::string& text;
  bool safe;  // the text is marked so; methods marked `plain_only` never see it
  const Arguments& arguments;
  std::string_view name;

  [[nodiscard]] BoundArguments bind(std::vector<std::string_view> names,
                                    std::size_t required = 0) const {
    return {std::string(name) + "()", arguments, std::move(names), required};
  }
  // As str's method does, what is cut from a text or is its other case is marked as the text is.
  [[nodiscard]] Value same_kind(std::string result) const {
    meter.text(result.size());
    return Text{std::make_shared<const std::string>(std::move(result)), safe};
  }
  [[nodiscard]] Value same_kind(const std::vector<std::string>& parts) const {
    std::vector<Value> values;
    for (const std::string& part : parts) {
      values.push_back(same_kind(part));
    }
    return meter.made(std::move(values));
  }
};

Value strip_call(const TextCall& call) {
  const BoundArguments bound = call.bind({"/chars"});
  const Side side = call.name == "strip"    ? Side::both
                    : call.name == "lstrip" ? Side::left
                                            : Side::right;
  if (bound.given(0) == nullptr) {
    return call.same_kind(std::string(strip(call.text, side)));
  }
  const std::string set = bound.text(0);
  return call.same_kind(std::string(strip(call.text, side, &set)));
}

Value split_call(const TextCall& call) {
  const BoundArguments bound = call.bind({"sep", "maxsplit"});
  Split options{.most = bound.integer(1, -1),
                .from = call.name == "split" ? Side::left : Side::right};
  std::string separator;
  if (bound.given(0) != nullptr) {
    separator = bound.text(0);
    if (separator.empty()) {
      throw Fault("{}() with an empty separator", call.name);
    }
    options.separator = &separator;
  }
  return call.same_kind(split(call.text, options));
}

Value split_lines_call(const TextCall& call) {
  const BoundArguments bound = call.bind({"keepends"});
  if (bound.flag(0, false)) {
    throw Fault("headscope's Jinja does not know splitlines(keepends)");
  }
  return call.same_kind(split_lines(call.text));
}

// startswith(), endswith(): one text or a tuple of several.
Value affix_call(const TextCall& call) {
  const BoundArguments bound = call.bind({"/affix"}, 1);
  const auto fits = [&](const Value& affix) {
    if (affix.text() == nullptr) {
      throw Fault("{}() needs a str or a tuple of them", call.name);
    }
    return call.name == "startswith" ? call.text.starts_with(*affix.text())
                                     : call.text.ends_with(*affix.text());
  };
  const Sequence* several = bound.get(0)->sequence();
  if (several == nullptr || several->kind != Sequence::Kind::tuple) {
    return fits(*bound.get(0));
  }
  return std::any_of(several->items.begin(), several->items.end(), fits);
}

Value remove_affix_call(const TextCall& call) {
  const std::string affix = call.bind({"/affix"}, 1).text(0);
  std::string_view text = call.text;
  if (call.name == "removeprefix" && text.starts_with(affix)) {
    text.remove_prefix(affix.size());
  } else if (call.name == "removesuffix" && text.ends_with(affix)) {
    text.remove_suffix(affix.size());
  }
  return call.meter.made(std::string(text));
}

Value replace_call(const TextCall& call) {
  const BoundArguments bound = call.bind({"/old", "/new", "/count"}, 2);
  return replaced(call.meter, call.text, bound.text(0), bound.text(1), bound.integer(2, -1));
}

Value case_call(const TextCall& call) {
  const BoundArguments none = call.bind({});
  return call.same_kind(call.name == "upper"   ? upper(call.text)
                        : call.name == "lower" ? lower(call.text)
                        : call.name == "title" ? title(call.text)
                                               : capitalize(call.text));
}

Value is_case_call(const TextCall& call) {
  const BoundArguments none = call.bind({});
  return call.name == "isupper"   ? is_upper(call.text)
         : call.name == "islower" ? is_lower(call.text)
                                  : !call.text.empty() && all_space(call.text);
}

// isdigit(), isnumeric() and isdecimal() differ beyond ASCII.
Value is_digit_call(const TextCall& call) {
  const BoundArguments none = call.bind({});
  if (std::any_of(
          call.text.begin(), call.text.end(), [](char byte) { return (byte & 0x80) != 0; })) {
    throw Fault("headscope's Jinja knows {}() of ASCII text alone", call.name);
  }
  const auto digit = [](char byte) { return byte >= '0' && byte <= '9'; };
  const auto letter = [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
  };
  const bool letters = call.name == "isalpha" || call.name == "isalnum";
  const bool digits = call.name != "isalpha";
  return !call.text.empty() && std::all_of(call.text.begin(), call.text.end(), [&](char byte) {
    return (letters && letter(byte)) || (digits && digit(byte));
  });
}

Value find_call(const TextCall& call) {
  const std::string part = call.bind({"/part"}, 1).text(0);
  const Side from = call.name == "rfind" || call.name == "rindex" ? Side::right : Side::left;
  const std::int64_t found = find_text(call.text, part, from);
  if (found < 0 && call.name.ends_with("index")) {
    throw Fault("{}(): the text is not there", call.name);
  }
  return found;
}

Value count_call(const TextCall& call) {
  return count_text(call.text, call.bind({"/part"}, 1).text(0));
}

Value join_call(const TextCall& call) {
  const BoundArguments bound = call.bind({"/parts"}, 1);
  std::string result;
  std::size_t joined = 0;
  for (const Value& part : elements(*bound.get(0))) {
    if (part.text() == nullptr) {
      throw Fault("join() joins strs, not a value of type {}", type_name(part));
    }
    result += joined++ == 0 ? "" : call.text;
    result += *part.text();
    call.meter.step(1 + static_cast<std::int64_t>((call.text.size() + part.text()->size()) / 32));
    if (result.size() > call.meter.limits().text_bytes) {
      call.meter.text(result.size());
    }
  }
  return result;
}

Value format_call(const TextCall& call) {
  return call.meter.made(format_text(call.meter, call.text, call.arguments));
}

struct TextMethod {
  std::string_view name;
  Value (*call)(const TextCall&);
  bool plain_only = false;
};

constexpr std::array<TextMethod, 30> kTextMethods = {{{"strip", strip_call},
                                                      {"lstrip", strip_call},
                                                      {"rstrip", strip_call},
                                                      {"split", split_call},
                                                      {"rsplit", split_call},
                                                      {"splitlines", split_lines_call},
                                                      {"startswith", affix_call},
                                                      {"endswith", affix_call},
                                                      {"removeprefix", remove_affix_call, true},
                                                      {"removesuffix", remove_affix_call, true},
                                                      {"replace", replace_call, true},
                                                      {"upper", case_call},
                                                      {"lower", case_call},
                                                      {"title", case_call},
                                                      {"capitalize", case_call},
                                                      {"isupper", is_case_call},
                                                      {"islower", is_case_call},
                                                      {"isspace", is_case_call},
                                                      {"isdigit", is_digit_call},
                                                      {"isnumeric", is_digit_call},
                                                      {"isdecimal", is_digit_call},
                                                      {"isalpha", is_digit_call},
                                                      {"isalnum", is_digit_call},
                                                      {"find", find_call},
                                                      {"rfind", find_call},
                                                      {"index", find_call},
                                                      {"rindex", find_call},
                                                      {"count", count_call},
                                                      {"join", join_call, true},
                                                      {"format", format_call, true}}};

constexpr std::array<std::string_view, 17> kUnknownMethods = {"casefold",
                                                              "center",
                                                              "encode",
                                                              "expandtabs",
                                                              "format_map",
                                                              "isascii",
                                                              "isidentifier",
                                                              "isprintable",
                                                              "istitle",
                                                              "ljust",
                                                              "rjust",
                                                              "maketrans",
                                                              "partition",
                                                              "rpartition",
                                                              "swapcase",
                                                              "translate",
                                                              "zfill"};

}  // namespace

std::optional<Value> text_method(Meter& meter, const Text& text, const std::string& name) {
  const auto found = std::find_if(kTextMethods.begin(),
                                  kTextMethods.end(),
                                  [&](const TextMethod& method) { return method.name == name; });
  const bool unknown =
      std::find(kUnknownMethods.begin(), kUnknownMethods.end(), name) != kUnknownMethods.end();
  if (unknown || (found != kTextMethods.end() && found->plain_only && text.safe)) {
    throw Fault(
        "headscope's Jinja does not know '{}' of a str{}", name, unknown ? "" : " marked |safe");
  }
  if (found == kTextMethods.end()) {
    return std::nullopt;
  }
  Callable callable{name, [&meter, text, method = found](const Arguments& arguments) {
                      meter.step(weight(text));
                      return method->call({meter, *text.bytes, text.safe, arguments, method->name});
                    }};
  return std::make_shared<const Callable>(std::move(callable));
}

}  // namespace headscope::jinja
