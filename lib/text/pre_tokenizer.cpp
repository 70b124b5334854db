#include "lib/text/pre_tokenizer.h"

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
  } else if (type == "Split") {
    const auto delimiter =
        bool_field_or(spec, "invert", false, where) ? Delimiter::rest : Delimiter::match;
    steps_.emplace_back(
        [pattern = pattern_from_json(field(spec, "pattern", where), where),
         behavior = parse_split_behavior(string_field(spec, "behavior", where), where),
         delimiter](Pieces& pieces) { split_by_pattern(pieces, pattern, delimiter, behavior); });
  } else if (type == "Digits") {
    const auto behavior = bool_field(spec, "individual_digits", where) ? SplitBehavior::isolated
                                                                       : SplitBehavior::contiguous;
    steps_.emplace_back(
        [behavior](Pieces& pieces) { split_by_character(pieces, is_numeric, behavior); });
  } else if (type == "Punctuation") {
    const auto name = optional_string(spec, "behavior", where).value_or("Isolated");
    steps_.emplace_back([behavior = parse_split_behavior(name, where)](Pieces& pieces) {
      split_by_character(pieces, is_split_punctuation, behavior);
    });
  } else if (type == "Whitespace") {
    steps_.emplace_back([pattern = Pattern::regex(kWhitespaceWords, where)](Pieces& pieces) {
      split_by_pattern(pieces, pattern, Delimiter::rest, SplitBehavior::removed);
    });
  } else if (type == "WhitespaceSplit") {
    steps_.emplace_back(
        [](Pieces& pieces) { split_by_character(pieces, is_white_space, SplitBehavior::removed); });
  } else if (type == "BertPreTokenizer") {
    steps_.emplace_back([](Pieces& pieces) {
      split_by_character(pieces, is_white_space, SplitBehavior::removed);
      split_by_character(pieces, is_split_punctuation, SplitBehavior::isolated);
    });
  } else if (type == "CharDelimiterSplit") {
    const std::string delimiter = string_field(spec, "delimiter", where);
    steps_.emplace_back([pattern = Pattern::literal(delimiter, where)](Pieces& pieces) {
      split_by_pattern(pieces, pattern, Delimiter::match, SplitBehavior::removed);
    });
  } else if (type == "FixedLength") {
    add_fixed_length(spec, where);
  } else if (type == "Metaspace") {
    add_metaspace(spec, where);
  } else {
    throw DataError("{}: headscope does not implement the type '{}'", where, type);
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
