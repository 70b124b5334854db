#include "lib/text/decoder.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/byte_alphabet.h"
#include "lib/text/json_fields.h"
#include "lib/text/replacement.h"
#include "lib/text/unicode.h"

namespace headscope {
namespace {

using Tokens = std::vector<std::string>;

std::string unspell(const std::string& token) {
  return unspell_bytes(token).value_or(token);
}

Tokens byte_level(const Tokens& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) {
    bytes += unspell(token);
  }
  return {replace_invalid_utf8(bytes)};
}

// The byte that "<0xNN>" stands for.
std::optional<char> fallback_byte(const std::string& token) {
  unsigned value = 0;
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') {
    return std::nullopt;
  }
  const auto parsed = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  return parsed.ec == std::errc() && parsed.ptr == token.data() + 5
             ? std::optional(static_cast<char>(value))
             : std::nullopt;
}

// A run of byte tokens that is no valid UTF-8 becomes one U+FFFD a byte.
void flush_bytes(std::string& bytes, Tokens& out) {
  if (valid_utf8_prefix(bytes) == bytes.size()) {
    out.push_back(std::move(bytes));
  } else {
    out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
  }
  bytes.clear();
}

Tokens byte_fallback(const Tokens& tokens) {
  Tokens out;
  std::string bytes;
  for (const std::string& token : tokens) {
    if (const auto byte = fallback_byte(token)) {
      bytes.push_back(*byte);
      continue;
    }
    flush_bytes(bytes, out);
    out.push_back(token);
  }
  flush_bytes(bytes, out);
  return out;
}

Tokens fuse(const Tokens& tokens) {
  std::string all;
  for (const std::string& token : tokens) {
    all += token;
  }
  return {all};
}

std::string strip(std::string_view token,
                  std::string_view content,
                  std::size_t start,
                  std::size_t stop) {
  for (; start > 0 && token.starts_with(content); --start) {
    token.remove_prefix(content.size());
  }
  for (; stop > 0 && token.ends_with(content); --stop) {
    token.remove_suffix(content.size());
  }
  return std::string(token);
}

std::string replace_all(std::string_view token, std::string_view mark, std::string_view by) {
  std::string out;
  if (mark.empty()) {
    return std::string(token);
  }
  for (auto at = token.find(mark); at != token.npos; at = token.find(mark)) {
    out.append(token.substr(0, at)).append(by);
    token.remove_prefix(at + mark.size());
  }
  return out.append(token);
}

std::size_t count_field(const Json& spec, const char* name, const std::string& where) {
  const Json& value = field(spec, name, where);
  if (!value.is_number_unsigned()) {
    throw DataError("{}: the field '{}' must be a count", where, name);
  }
  return value.get<std::size_t>();
}

std::string character_field(const Json& spec, const char* name, const std::string& where) {
  std::string value = string_field(spec, name, where);
  if (value.empty() || utf8_length(value.front()) != value.size()) {
    throw DataError("{}: the field '{}' must be one character", where, name);
  }
  return value;
}

// transformers' clean_up_tokenization, in its order.
std::string clean_up(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {{" .", "."},
                                                                      {" ?", "?"},
                                                                      {" !", "!"},
                                                                      {" ,", ","},
                                                                      {" ' ", "'"},
                                                                      {" n't", "n't"},
                                                                      {" 'm", "'m"},
                                                                      {" do not", " don't"},
                                                                      {" 's", "'s"},
                                                                      {" 've", "'ve"},
                                                                      {" 're", "'re"}};
  for (const auto& [untidy, tidy] : kRules) {
    text = replace_all(text, untidy, tidy);
  }
  return text;
}

Tokens without_repeats(Tokens tokens) {
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  return tokens;
}

template <typename One>
std::function<Tokens(Tokens)> each(One one) {
  return [one](Tokens tokens) {
    for (std::string& token : tokens) {
      token = one(token);
    }
    return tokens;
  };
}

std::string unchanged(std::string token) {
  return token;
}

}  // namespace

Decoder::Decoder() = default;

Decoder Decoder::from_json(const Json& spec, const std::string& where) {
  Decoder decoder;
  if (!spec.is_null()) {
    decoder.separator_.clear();
    decoder.add(spec, where + ": decoder");
  }
  return decoder;
}

std::string Decoder::decode(std::vector<std::string> tokens) const {
  for (const Step& step : steps_) {
    tokens = step.all(std::move(tokens));
  }
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    text.append(i == 0 ? "" : separator_).append(tokens[i]);
  }
  return text;
}

std::string Decoder::piece(const std::string& token) const {
  std::string text = token;
  for (const Step& step : steps_) {
    text = step.one(std::move(text));
  }
  return text;
}

void Decoder::add(const Json& spec, const std::string& where) {
  const std::string type = string_field(spec, "type", where);
  if (type == "Sequence") {
    for (const Json& part : array_field(spec, "decoders", where)) {
      add(part, where);
    }
  } else if (type == "ByteLevel") {
    steps_.push_back({byte_level, unspell});
  } else if (type == "ByteFallback") {
    steps_.push_back({byte_fallback, [](const std::string& token) {
                        const auto byte = fallback_byte(token);
                        return byte ? std::string(1, *byte) : token;
                      }});
  } else if (type == "Replace") {
    const auto one = [replace = Replacement::from_json(spec, where)](const std::string& token) {
      return replace.apply(token);
    };
    steps_.push_back({each(one), one});
  } else if (type == "Fuse") {
    steps_.push_back({fuse, unchanged});
  } else if (type == "Strip") {
    add_strip(spec, where);
  } else if (type == "Metaspace") {
    add_metaspace(spec, where);
  } else if (type == "WordPiece") {
    add_word_piece(spec, where);
  } else if (type == "CTC") {
    add_ctc(spec, where);
  } else if (type == "BPEDecoder") {
    add_bpe(spec, where);
  } else {
    throw DataError("{}: headscope does not implement the type '{}'", where, type);
  }
}

void Decoder::add_strip(const Json& spec, const std::string& where) {
  const auto one = [content = character_field(spec, "content", where),
                    start = count_field(spec, "start", where),
                    stop = count_field(spec, "stop", where)](const std::string& token) {
    return strip(token, content, start, stop);
  };
  steps_.push_back({each(one), unchanged});
}

// The first token loses its marks if they were put there, the others' become spaces.
void Decoder::add_metaspace(const Json& spec, const std::string& where) {
  const std::string mark = character_field(spec, "replacement", where);
  const bool prepended =
      optional_string(spec, "prepend_scheme", where).value_or("always") != "never" &&
      bool_field_or(spec, "add_prefix_space", true, where);
  const auto one = [mark](const std::string& token) { return replace_all(token, mark, " "); };
  const auto all = [mark, prepended](Tokens tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = replace_all(tokens[i], mark, i == 0 && prepended ? "" : " ");
    }
    return tokens;
  };
  steps_.push_back({all, one});
}

// A space before every token but the first and those that continue a word.
void Decoder::add_word_piece(const Json& spec, const std::string& where) {
  const std::string prefix = string_field(spec, "prefix", where);
  const bool tidy = bool_field_or(spec, "cleanup", true, where);
  const auto all = [prefix, tidy](Tokens tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) {
        tokens[i] =
            tokens[i].starts_with(prefix) ? tokens[i].substr(prefix.size()) : " " + tokens[i];
      }
      tokens[i] = tidy ? clean_up(std::move(tokens[i])) : std::move(tokens[i]);
    }
    return tokens;
  };
  const auto one = [prefix](const std::string& token) {
    return token.starts_with(prefix) ? token.substr(prefix.size()) : token;
  };
  steps_.push_back({all, one});
}

// Of neighbours that are the same one is kept; the pad token stands between true repeats (Graves et
// al. 2006).
void Decoder::add_ctc(const Json& spec, const std::string& where) {
  const auto one = [pad = string_field(spec, "pad_token", where),
                    delimiter = string_field(spec, "word_delimiter_token", where),
                    tidy = bool_field_or(spec, "cleanup", true, where)](const std::string& token) {
    std::string text = replace_all(token, pad, "");
    return tidy ? replace_all(clean_up(std::move(text)), delimiter, " ") : text;
  };
  const auto all = [one](Tokens tokens) {
    Tokens out = each(one)(without_repeats(std::move(tokens)));
    std::erase(out, "");
    return out;
  };
  steps_.push_back({all, one});
}

// The mark of a word's end becomes a space, but for the last token's.
void Decoder::add_bpe(const Json& spec, const std::string& where) {
  const std::string suffix = string_field(spec, "suffix", where);
  const auto all = [suffix](Tokens tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = replace_all(tokens[i], suffix, i + 1 == tokens.size() ? "" : " ");
    }
    return tokens;
  };
  const auto one = [suffix](const std::string& token) { return replace_all(token, suffix, " "); };
  steps_.push_back({all, one});
}

}  // namespace headscope
