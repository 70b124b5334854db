#include "lib/text/sentence_piece_normalizer.h"

#include "lib/text/unicode.h"

namespace headscope {

SentencePieceNormalizer::SentencePieceNormalizer(const SentencePieceFile& file,
                                                 std::shared_ptr<const SentencePieces> pieces,
                                                 DummyPrefix dummy_prefix,
                                                 const std::string& where)
    : pieces_(std::move(pieces)),
      dummy_prefix_(file.add_dummy_prefix ? dummy_prefix : DummyPrefix::none),
      space_after_(file.treat_whitespace_as_suffix),
      remove_extra_whitespaces_(file.remove_extra_whitespaces),
      space_(file.escape_whitespaces ? "\xE2\x96\x81" : " ") {
  if (!file.precompiled_charsmap.empty()) {
    map_ = CharacterMap::from_bytes(file.precompiled_charsmap, where + ": normalizer_spec");
  }
}

// User-defined pieces stay as they are, whatever the map says of their characters.
CharacterMap::Entry SentencePieceNormalizer::prefix(std::string_view text) const {
  if (const std::size_t length = pieces_->user_defined_length(text); length > 0) {
    return {length, text.substr(0, length)};
  }
  if (const auto entry = map_ ? map_->longest(text) : std::nullopt) {
    return *entry;
  }
  const std::size_t length = utf8_length(text.front());
  return {length, text.substr(0, length)};
}

void SentencePieceNormalizer::append(std::string_view normalized, std::string& out) const {
  for (const char c : normalized) {
    c == ' ' ? out.append(space_) : out.append(1, c);
  }
}

std::string SentencePieceNormalizer::apply(std::string_view text, Place place) const {
  std::string out;
  if (remove_extra_whitespaces_) {
    while (!text.empty() && prefix(text).text == " ") {
      text.remove_prefix(prefix(text).length);
    }
  }
  if (text.empty()) {
    return out;
  }
  out.reserve(text.size() + text.size() / 2);
  const bool dummy = dummy_prefix_ == DummyPrefix::every_stretch ||
                     (dummy_prefix_ == DummyPrefix::opening && place == Place::opening);
  if (dummy && !space_after_) {
    out += space_;
  }
  bool after_space = remove_extra_whitespaces_;
  while (!text.empty()) {
    const CharacterMap::Entry entry = prefix(text);
    std::string_view normalized = entry.text;
    while (after_space && normalized.starts_with(' ')) {
      normalized.remove_prefix(1);
    }
    append(normalized, out);
    if (!normalized.empty()) {
      after_space = remove_extra_whitespaces_ && normalized.ends_with(' ');
    }
    text.remove_prefix(entry.length);
  }
  while (remove_extra_whitespaces_ && out.ends_with(space_)) {
    out.resize(out.size() - space_.size());
  }
  if (dummy && space_after_) {
    out += space_;
  }
  return out;
}

}  // namespace headscope
