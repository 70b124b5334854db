#include "lib/text/pre_tokenizer.h"

#include <array>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/json_fields.h"
#include "lib/text/pre_tokenizer_steps.h"
#include "lib/text/replacement.h"
#include "lib/text/unicode.h"
#include "lib/text/unicode_9.h"

namespace headscope {
namespace {

// The pattern of GPT-2, built into Hugging Face's ByteLevel.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Whitespace's \w+|[^\w\s]+, where \w is that of Rust's regex.
constexpr std::string_view kWhitespaceWords =
    R"([\p{Alphabetic}\p{L}\p{M}\p{Nd}\p{Pc}\x{200c}\x{200d}]+)"
    R"(|[^\s\p{Alphabetic}\p{L}\p{M}\p{Nd}\p{Pc}\x{200c}\x{200d}]+)";

enum class PrependScheme { always, first, never };

PrependScheme prepend_scheme(const Json& spec, const std::string& where) {
  const auto name = optional_string(spec, "prepend_scheme", where);
  if (!name) {  // before tokenizers 0.15
    return bool_field_or(spec, "add_prefix_space", true, where) ? PrependScheme::always
                                                                : PrependScheme::never;
  }
  if (*name == "always") {
    return PrependScheme::always;
  }
  if (*name == "first") {
    return PrependScheme::first;
  }
  if (*name == "never") {
    return PrependScheme::never;
  }
  throw DataError("{}: headscope does not implement the prepend_scheme '{}'", where, *name);
}

void mark_spaces(std::string_view piece, const std::string& mark, std::string& out) {
  for (const char c : piece) {
    c == ' ' ? out.append(mark) : out.append(1, c);
  }
}

// All of ASCII's symbols, "$" and "+" among them, and Unicode's punctuation.
bool is_split_punctuation(char32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~') || (is_punctuation(c) && !punctuation_since_unicode_8(c)) ||
         punctuation_until_unicode_8(c);
}

using SplittingStep = std::function<void(Pieces&)>;

SplittingStep split_step(const Json& spec, const std::string& where) {
  const auto delimiter =
      bool_field_or(spec, "invert", false, where) ? Delimiter::rest : Delimiter::match;
  return [pattern = pattern_from_json(field(spec, "pattern", where), where),
          behavior = parse_split_behavior(string_field(spec, "behavior", where), where),
          delimiter](Pieces& pieces) { split_by_pattern(pieces, pattern, delimiter, behavior); };
}

SplittingStep digits_step(const Json& spec, const std::string& where) {
  const auto behavior = bool_field(spec, "individual_digits", where) ? SplitBehavior::isolated
                                                                     : SplitBehavior::contiguous;
  return [behavior](Pieces& pieces) { split_by_character(pieces, is_numeric, behavior); };
}

SplittingStep punctuation_step(const Json& spec, const std::string& where) {
  const auto name = optional_string(spec, "behavior", where).value_or("Isolated");
  return [behavior = parse_split_behavior(name, where)](Pieces& pieces) {
    split_by_character(pieces, is_split_punctuation, behavior);
  };
}

SplittingStep words_step(const Json&, const std::string& where) {
  return [pattern = Pattern::regex(kWhitespaceWords, where)](Pieces& pieces) {
    split_by_pattern(pieces, pattern, Delimiter::rest, SplitBehavior::removed);
  };
}

void split_at_white_space(Pieces& pieces) {
  split_by_character(pieces, is_white_space, SplitBehavior::removed);
}

SplittingStep white_space_step(const Json&, const std::string&) {
  return split_at_white_space;
}

SplittingStep bert_step(const Json&, const std::string&) {
  return [](Pieces& pieces) {
    split_at_white_space(pieces);
    split_by_character(pieces, is_split_punctuation, SplitBehavior::isolated);
  };
}

SplittingStep character_step(const Json& spec, const std::string& where) {
  const std::string delimiter = string_field(spec, "delimiter", where);
  return [pattern = Pattern::literal(delimiter, where)](Pieces& pieces) {
    split_by_pattern(pieces, pattern, Delimiter::match, SplitBehavior::removed);
  };
}

// The types that only split, by their names in tokenizer.json.
struct SplittingType {
  std::string_view name;
  SplittingStep (*step)(const Json& spec, const std::string& where);
};
constexpr std::array kSplittingTypes{SplittingType{"Split", split_step},
                                     SplittingType{"Digits", digits_step},
                                     SplittingType{"Punctuation", punctuation_step},
                                     SplittingType{"Whitespace", words_step},
                                     SplittingType{"WhitespaceSplit", white_space_step},
                                     SplittingType{"BertPreTokenizer", bert_step},
                                     SplittingType{"CharDelimiterSplit", character_step}};

SplittingStep splitting_step(const std::string& type, const Json& spec, const std::string& where) {
  for (const SplittingType& known : kSplittingTypes) {
    if (known.name == type) {
      return known.step(spec, where);
    }
  }
  throw DataError("{}: headscope does not implement the type '{}'", where, type);
}

}  // namespace

PreTokenizer PreTokenizer::from_json(const Json& spec, const std::string& where) {
  PreTokenizer pre_tokenizer;
  if (!spec.is_null()) {
    pre_tokenizer.add(spec, where + ": pre_tokenizer");
  }
  return pre_tokenizer;
}

PreTokenizer PreTokenizer::from_step(std::function<void(Pieces&)> step) {
  PreTokenizer pre_tokenizer;
  pre_tokenizer.steps_.push_back(std::move(step));
  return pre_tokenizer;
}

void PreTokenizer::apply(Pieces& pieces) const {
  for (const Step& step : steps_) {
    step(pieces);
  }
}

void PreTokenizer::add(const Json& spec, const std::string& where) {
  const std::string type = string_field(spec, "type", where);
  if (alphabet_ == Alphabet::bytes) {
    throw DataError("{}: headscope does not implement '{}' after ByteLevel", where, type);
  }
  if (type == "Sequence") {
    for (const Json& part : array_field(spec, "pretokenizers", where)) {
      add(part, where);
    }
  } else if (type == "ByteLevel") {
    add_byte_level(spec, where);
  } else if (type == "FixedLength") {
    add_fixed_length(spec, where);
  } else if (type == "Metaspace") {
    add_metaspace(spec, where);
  } else {
    steps_.push_back(splitting_step(type, spec, where));
  }
}

void PreTokenizer::add_byte_level(const Json& spec, const std::string& where) {
  if (bool_field(spec, "add_prefix_space", where)) {
    steps_.emplace_back([](Pieces& pieces) {
      rewrite_pieces(pieces, [](std::string_view piece, Place, std::string& out) {
        out.append(piece.starts_with(' ') ? "" : " ").append(piece);
      });
    });
  }
  if (bool_field_or(spec, "use_regex", true, where)) {
    steps_.emplace_back([pattern = Pattern::regex(kGpt2Pattern, where)](Pieces& pieces) {
      split_by_pattern(pieces, pattern, Delimiter::match, SplitBehavior::isolated);
    });
  }
  alphabet_ = Alphabet::bytes;
}

void PreTokenizer::add_fixed_length(const Json& spec, const std::string& where) {
  const Json& length = field(spec, "length", where);
  if (!length.is_number_unsigned() || length == 0) {
    throw DataError("{}: the field 'length' must be a count of characters, at least 1", where);
  }
  steps_.emplace_back(
      [length = length.get<std::size_t>()](Pieces& pieces) { split_by_length(pieces, length); });
}

void PreTokenizer::add_metaspace(const Json& spec, const std::string& where) {
  const std::string mark = string_field(spec, "replacement", where);
  const PrependScheme scheme = prepend_scheme(spec, where);
  steps_.emplace_back([mark, scheme](Pieces& pieces) {
    rewrite_pieces(pieces, [&](std::string_view piece, Place place, std::string& out) {
      const bool prepend = scheme == PrependScheme::always ||
                           (scheme == PrependScheme::first && place == Place::opening);
      if (prepend && !piece.starts_with(' ') && !piece.starts_with(mark)) {
        out.append(mark);
      }
      mark_spaces(piece, mark, out);
    });
  });
  if (bool_field_or(spec, "split", true, where)) {
    steps_.emplace_back([pattern = Pattern::literal(mark, where)](Pieces& pieces) {
      split_by_pattern(pieces, pattern, Delimiter::match, SplitBehavior::merged_with_next);
    });
  }
}

}  // namespace headscope
