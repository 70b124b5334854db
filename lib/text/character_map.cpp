#include "lib/text/character_map.h"

#include <algorithm>
#include <cstring>

#include "lib/base/error.h"
#include "lib/text/unicode.h"

namespace headscope {
namespace {

// In bytes. Rules are of a few characters; a damaged trie may have a path without end.
constexpr std::size_t kLongestKey = 256;

bool lies_in_character(char c) {
  return (static_cast<std::uint8_t>(c) & 0xC0u) == 0x80u;
}

}  // namespace

CharacterMap CharacterMap::from_bytes(std::string_view bytes, const std::string& where) {
  std::uint32_t size = 0;
  if (bytes.size() >= sizeof(size)) {
    std::memcpy(&size, bytes.data(), sizeof(size));
  }
  if (size == 0 || size % sizeof(std::uint32_t) != 0 || size > bytes.size() - sizeof(size)) {
    throw DataError("{}: the precompiled_charsmap is cut off", where);
  }
  CharacterMap map;
  map.units_.resize(size / sizeof(std::uint32_t));
  std::memcpy(map.units_.data(), bytes.data() + sizeof(size), size);
  map.texts_ = std::string(bytes.substr(sizeof(size) + size)) + '\0';
  if (valid_utf8_prefix(map.texts_) != map.texts_.size()) {
    throw DataError("{}: the precompiled_charsmap holds texts that are no UTF-8", where);
  }
  return map;
}

// A unit: the byte that leads to it (bits 0 to 7, and 31 where it is a value), whether a value
// hangs on it (bit 8), and the offset of its children (from bit 10, in steps of 256 where bit 9 is
// set).
template <typename Found>
void CharacterMap::entries(std::string_view part, const Found& found) const {
  const auto offset = [](std::uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); };
  std::size_t at = offset(units_[0]);
  for (std::size_t length = 1; length <= std::min(part.size(), kLongestKey); ++length) {
    const auto byte = static_cast<std::uint8_t>(part[length - 1]);
    at ^= byte;
    if (byte == 0 || at >= units_.size() || (units_[at] & ((1u << 31) | 0xFFu)) != byte) {
      return;
    }
    const bool has_value = ((units_[at] >> 8) & 1u) != 0;
    at ^= offset(units_[at]);
    if (!has_value || at >= units_.size()) {
      continue;
    }
    const std::size_t text = units_[at] & 0x7FFFFFFFu;
    if (text >= texts_.size() || lies_in_character(texts_[text]) ||
        !found(Entry{length, texts_.c_str() + text})) {
      return;
    }
  }
}

std::optional<CharacterMap::Entry> CharacterMap::shortest(std::string_view part) const {
  std::optional<Entry> first;
  entries(part, [&](const Entry& entry) {
    first = entry;
    return false;
  });
  return first;
}

std::optional<CharacterMap::Entry> CharacterMap::longest(std::string_view part) const {
  std::optional<Entry> last;
  entries(part, [&](const Entry& entry) {
    if (entry.length == part.size() || !lies_in_character(part[entry.length])) {
      last = entry;
    }
    return true;
  });
  return last;
}

}  // namespace headscope
