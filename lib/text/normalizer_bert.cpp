// BERT's normaliser (Devlin et al. 2019, `BasicTokenizer`), as Hugging Face has it.
#include "lib/base/json.h"
#include "lib/text/json_fields.h"
#include "lib/text/map_characters.h"
#include "lib/text/normalizer_steps.h"
#include "lib/text/unicode_marks.h"
#include "lib/text/unicode_normal_form.h"

namespace headscope {
namespace {

bool is_chinese(char32_t c) {
  return (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

std::string clean(std::string_view text) {
  return map_characters(text, [](char32_t c, std::string_view as_given, std::string& out) {
    const bool space = c == '\t' || c == '\n' || c == '\r';
    if (space || (is_white_space(c) && !is_control_or_format(c))) {
      out += ' ';
    } else if (c != 0xFFFD && !is_control_or_format(c)) {
      out += as_given;
    }
  });
}

std::string space_out_chinese(std::string_view text) {
  return map_characters(text, [](char32_t c, std::string_view as_given, std::string& out) {
    is_chinese(c) ? out.append(" ").append(as_given).append(" ") : out.append(as_given);
  });
}

std::string without_accents(std::string text) {
  return map_characters(to_normal_form(std::move(text), {}),
                        [](char32_t c, std::string_view as_given, std::string& out) {
                          out += is_nonspacing_mark(c) ? "" : as_given;
                        });
}

}  // namespace

// Accents go where `strip_accents` is null and the text becomes lower case.
NormalizerStep bert_normalizer(const Json& spec, const std::string& where) {
  const bool cleaned = bool_field_or(spec, "clean_text", true, where);
  const bool chinese = bool_field_or(spec, "handle_chinese_chars", true, where);
  const bool lower = bool_field_or(spec, "lowercase", true, where);
  const bool accents = bool_field_or(spec, "strip_accents", lower, where);
  return [=](std::string text) {
    text = cleaned ? clean(text) : std::move(text);
    text = chinese ? space_out_chinese(text) : std::move(text);
    text = accents ? without_accents(std::move(text)) : std::move(text);
    return lower ? lowercase(text) : text;
  };
}

NormalizerStep strip_accents_normalizer(const Json&, const std::string&) {
  return [](const std::string& text) {
    return map_characters(text, [](char32_t c, std::string_view as_given, std::string& out) {
      out += is_combining_mark(c) ? "" : as_given;
    });
  };
}

}  // namespace headscope
