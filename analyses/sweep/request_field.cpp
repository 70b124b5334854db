#include "analyses/sweep/request_field.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

// As it would be typed: a list is its elements with commas between.
std::string typed(const OrderedJson& value, const std::string& name) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_number()) {
    return value.dump();
  }
  if (value.is_boolean()) {
    throw UsageError("{}: needs a value, not {}", name, value.dump());
  }
  if (!value.is_array() || value.empty()) {
    throw UsageError("{}: {} is no value of an option; give text, a number or a list of them",
                     name,
                     value.dump());
  }
  std::string list;
  for (const OrderedJson& part : value) {
    if (part.is_array()) {
      throw UsageError("{}: a list inside a list is no value of an option", name);
    }
    list += (list.empty() ? "" : ",") + typed(part, name);
  }
  return list;
}

void check_choice(const RequestField& field, const std::string& text) {
  if (!field.choices.empty() &&
      std::find(field.choices.begin(), field.choices.end(), text) == field.choices.end()) {
    throw UsageError("--{}: {} not in {{{}}}{}",
                     field.name,
                     text,
                     fmt::join(field.choices, ","),
                     did_you_mean(text, field.choices));
  }
}

std::vector<std::string> listed(const RequestField& field, const OrderedJson& value) {
  std::vector<std::string> texts;
  if (field.list == RequestField::List::one_a_mention && value.is_array() && !value.empty()) {
    for (const OrderedJson& one : value) {
      if (one.is_array()) {
        throw UsageError("{}: a list inside a list is no value of an option", field.name);
      }
      texts.push_back(typed(one, field.name));
    }
    return texts;
  }
  const std::string text = typed(value, field.name);
  if (field.list == RequestField::List::one_a_mention) {
    return {text};
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    texts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return texts;
}

// An empty text would read as if the option were not there.
void check_given(const RequestField& field, const std::string& text) {
  if (field.kind == RequestField::Kind::path && text.empty()) {
    throw UsageError("--{}: names no file; leave it out, or name one", field.name);
  }
}

std::int64_t whole_number(const RequestField& field, const OrderedJson& value) {
  if (!value.is_number_integer()) {
    throw UsageError("{}: needs a whole number, not {}", field.name, value.dump());
  }
  // Above the largest int64 nlohmann/json keeps an unsigned number.
  const auto number = value.is_number_unsigned() &&
                              value.get<std::uint64_t>() > static_cast<std::uint64_t>(field.most)
                          ? field.most
                          : value.get<std::int64_t>();
  if (number < field.least || number > field.most || OrderedJson(number) != value) {
    throw UsageError(
        "--{}: {} is not from {} to {}", field.name, value.dump(), field.least, field.most);
  }
  return number;
}

void require_flag(const RequestField& field, const OrderedJson& value) {
  if (!value.is_boolean()) {
    throw UsageError("{}: is a flag: true or false", field.name);
  }
}

// true and false where "yes" and "no" are meant: the message says how they are written.
void refuse_boolean(const RequestField& field, const OrderedJson& value) {
  const std::string word = value.is_boolean() && value.get<bool>() ? "yes" : "no";
  const bool takes_word =
      std::holds_alternative<PrependBos*>(field.place) ||
      std::find(field.choices.begin(), field.choices.end(), word) != field.choices.end();
  if (value.is_boolean() && takes_word) {
    throw UsageError("{}: needs a value, not {}; write \"{}\"", field.name, value.dump(), word);
  }
}

}  // namespace

void fill(const RequestField& field, const OrderedJson& value) {
  if (auto* const* flag = std::get_if<bool*>(&field.place)) {
    require_flag(field, value);
    **flag = value.get<bool>();
    return;
  }
  refuse_boolean(field, value);
  if (auto* const* number = std::get_if<std::int64_t*>(&field.place)) {
    **number = whole_number(field, value);
  } else if (auto* const* texts = std::get_if<std::vector<std::string>*>(&field.place)) {
    **texts = listed(field, value);
    std::for_each((*texts)->begin(), (*texts)->end(), [&](const std::string& text) {
      check_given(field, text);
      check_choice(field, text);
    });
  } else if (auto* const* bos = std::get_if<PrependBos*>(&field.place)) {
    **bos = parse_prepend_bos(typed(value, field.name));
  } else {
    auto* text = std::get<std::string*>(field.place);
    *text = typed(value, field.name);
    check_given(field, *text);
    check_choice(field, *text);
  }
}

std::vector<std::string> words_of(const RequestField& field, const OrderedJson& value) {
  const std::string name = "--" + field.name;
  if (std::holds_alternative<bool*>(field.place)) {
    return value.get<bool>() ? std::vector<std::string>{name} : std::vector<std::string>{};
  }
  if (field.list == RequestField::List::one_a_mention && value.is_array()) {
    std::vector<std::string> words;
    for (const OrderedJson& one : value) {
      words.insert(words.end(), {name, typed(one, field.name)});
    }
    return words;
  }
  return {name, typed(value, field.name)};
}

}  // namespace headscope
