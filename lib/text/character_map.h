// The character map of a SentencePiece model, compiled into a double-array trie (Aoe 1989; the
// layout is darts-clone's).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headscope {

class CharacterMap {
 public:
  // `bytes`: the field precompiled_charsmap. Throws DataError, opened by `where`, if it is cut off
  // or holds texts that are no UTF-8.
  static CharacterMap from_bytes(std::string_view bytes, const std::string& where);

  // An entry that opens a text: its length there, and what it maps to.
  struct Entry {
    std::size_t length = 0;
    std::string_view text;
  };

  // The shortest and the longest entry that opens `part`: Hugging Face takes the former,
  // SentencePiece the latter.
  [[nodiscard]] std::optional<Entry> shortest(std::string_view part) const;
  [[nodiscard]] std::optional<Entry> longest(std::string_view part) const;

 private:
  // Calls `found(entry)` for every entry that opens `part`, the shortest first, until it is false.
  template <typename Found>
  void entries(std::string_view part, const Found& found) const;

  std::vector<std::uint32_t> units_;
  std::string texts_;  // each ends in a zero
};

}  // namespace headscope
