#include "lib/text/normalizer.h"

#include <utf8proc.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/json_fields.h"
#include "lib/text/replacement.h"
#include "lib/text/unicode.h"
#include "lib/text/unicode_16.h"
#include "lib/text/unicode_normal_form.h"

namespace headscope {
namespace {

std::string lowercase(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    if (point.value == 0x130) {
      out += "i\xCC\x87";  // the one character whose lower case is two
    } else {
      const auto lower = utf8proc_tolower(static_cast<utf8proc_int32_t>(point.value));
      append_utf8(out, lower_since_unicode_16(static_cast<char32_t>(lower)));
    }
    at += point.length;
  }
  return out;
}

std::string strip_left(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = code_point_at(text, 0);
    if (!is_white_space(point.value)) {
      break;
    }
    text.remove_prefix(point.length);
  }
  return std::string(text);
}

std::string strip_right(std::string_view text) {
  while (!text.empty()) {
    const std::size_t last = last_character(text);
    if (!is_white_space(code_point_at(text, last).value)) {
      break;
    }
    text = text.substr(0, last);
  }
  return std::string(text);
}

std::function<std::string(std::string)> normal_form(NormalForm form) {
  return [form](std::string text) { return to_normal_form(std::move(text), form); };
}

}  // namespace

Normalizer Normalizer::from_json(const Json& spec, const std::string& where) {
  Normalizer normalizer;
  if (!spec.is_null()) {
    normalizer.add(spec, where + ": normalizer");
  }
  return normalizer;
}

std::string Normalizer::apply(std::string text) const {
  for (const Step& step : steps_) {
    text = step(std::move(text));
  }
  return text;
}

void Normalizer::add(const Json& spec, const std::string& where) {
  const std::string type = string_field(spec, "type", where);
  if (type == "Sequence") {
    for (const Json& part : array_field(spec, "normalizers", where)) {
      add(part, where);
    }
  } else if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
    steps_.push_back(
        normal_form({.compatibility = type.size() == 4, .compose = type.back() == 'C'}));
  } else if (type == "Lowercase") {
    steps_.emplace_back([](const std::string& text) { return lowercase(text); });
  } else if (type == "Prepend") {
    steps_.emplace_back([prefix = string_field(spec, "prepend", where)](std::string text) {
      return text.empty() ? text : prefix + text;
    });
  } else if (type == "Replace") {
    steps_.emplace_back([replace = Replacement::from_json(spec, where)](const std::string& text) {
      return replace.apply(text);
    });
  } else if (type == "Strip") {
    if (bool_field(spec, "strip_left", where)) {
      steps_.emplace_back([](const std::string& text) { return strip_left(text); });
    }
    if (bool_field(spec, "strip_right", where)) {
      steps_.emplace_back([](const std::string& text) { return strip_right(text); });
    }
  } else {
    throw DataError("{}: headscope does not implement the type '{}'", where, type);
  }
}

}  // namespace headscope
