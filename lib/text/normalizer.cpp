#include "lib/text/normalizer.h"

#include <utf8proc.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/byte_alphabet.h"
#include "lib/text/json_fields.h"
#include "lib/text/map_characters.h"
#include "lib/text/normalizer_steps.h"
#include "lib/text/replacement.h"
#include "lib/text/unicode.h"
#include "lib/text/unicode_16.h"
#include "lib/text/unicode_normal_form.h"

namespace headscope {
namespace {

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

template <bool compatibility, bool compose>
NormalizerStep normal_form(const Json&, const std::string&) {
  return [](std::string text) {
    return to_normal_form(std::move(text), {.compatibility = compatibility, .compose = compose});
  };
}

NormalizerStep lowercase_normalizer(const Json&, const std::string&) {
  return [](const std::string& text) { return lowercase(text); };
}

NormalizerStep prepend_normalizer(const Json& spec, const std::string& where) {
  return [prefix = string_field(spec, "prepend", where)](std::string text) {
    return text.empty() ? text : prefix + text;
  };
}

NormalizerStep replace_normalizer(const Json& spec, const std::string& where) {
  return [replace = Replacement::from_json(spec, where)](const std::string& text) {
    return replace.apply(text);
  };
}

NormalizerStep strip_normalizer(const Json& spec, const std::string& where) {
  const bool left = bool_field(spec, "strip_left", where);
  const bool right = bool_field(spec, "strip_right", where);
  return [=](std::string text) {
    text = left ? strip_left(text) : std::move(text);
    return right ? strip_right(text) : text;
  };
}

NormalizerStep byte_level_normalizer(const Json&, const std::string&) {
  return [](const std::string& text) { return spell_bytes(text); };
}

struct NormalizerType {
  std::string_view name;
  NormalizerStep (*make)(const Json& spec, const std::string& where);
};

constexpr NormalizerType kNormalizerTypes[] = {{"BertNormalizer", bert_normalizer},
                                               {"ByteLevel", byte_level_normalizer},
                                               {"Lowercase", lowercase_normalizer},
                                               {"NFC", normal_form<false, true>},
                                               {"NFD", normal_form<false, false>},
                                               {"NFKC", normal_form<true, true>},
                                               {"NFKD", normal_form<true, false>},
                                               {"Nmt", nmt_normalizer},
                                               {"Precompiled", precompiled_normalizer},
                                               {"Prepend", prepend_normalizer},
                                               {"Replace", replace_normalizer},
                                               {"Strip", strip_normalizer},
                                               {"StripAccents", strip_accents_normalizer}};

}  // namespace

std::string lowercase(const std::string& text) {
  return map_characters(text, [](char32_t c, std::string_view, std::string& out) {
    if (c == 0x130) {
      out += "i\xCC\x87";  // the one character whose lower case is two
    } else {
      const auto lower = utf8proc_tolower(static_cast<utf8proc_int32_t>(c));
      append_utf8(out, lower_since_unicode_16(static_cast<char32_t>(lower)));
    }
  });
}

Normalizer Normalizer::from_json(const Json& spec, const std::string& where) {
  Normalizer normalizer;
  if (!spec.is_null()) {
    normalizer.add(spec, where + ": normalizer");
  }
  return normalizer;
}

std::string Normalizer::apply(std::string text) const {
  for (const NormalizerStep& step : steps_) {
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
    return;
  }
  for (const NormalizerType& known : kNormalizerTypes) {
    if (known.name == type) {
      steps_.push_back(known.make(spec, where));
      return;
    }
  }
  throw DataError("{}: headscope does not implement the type '{}'", where, type);
}

}  // namespace headscope
