// What SentencePiece does to a text before it is cut into pieces: the character map, spaces.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/text/character_map.h"
#include "lib/text/pieces.h"
#include "lib/text/sentence_piece_file.h"
#include "lib/text/sentence_pieces.h"

namespace headscope {

class SentencePieceNormalizer {
 public:
  // Where the space goes that makes a word at the start of a text like any other: before every
  // stretch of it, before the first (as transformers 5 has it, where special tokens cut the text),
  // or nowhere.
  enum class DummyPrefix { every_stretch, opening, none };

  // Throws DataError, opened by `where`, for a damaged precompiled_charsmap.
  SentencePieceNormalizer(const SentencePieceFile& file,
                          std::shared_ptr<const SentencePieces> pieces,
                          DummyPrefix dummy_prefix,
                          const std::string& where);

  // Valid UTF-8 → valid UTF-8. Linear in the text.
  [[nodiscard]] std::string apply(std::string_view text, Place place) const;

 private:
  // The normalised form of the start of `text`, and how many bytes of it that is.
  [[nodiscard]] CharacterMap::Entry prefix(std::string_view text) const;
  void append(std::string_view normalized, std::string& out) const;

  std::shared_ptr<const SentencePieces> pieces_;
  std::optional<CharacterMap> map_;
  DummyPrefix dummy_prefix_;
  bool space_after_;  // the dummy space follows the text
  bool remove_extra_whitespaces_;
  std::string_view space_;  // what a space becomes
};

}  // namespace headscope
