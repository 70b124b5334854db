#include "lib/text/token_index.h"

#include <algorithm>
#include <bit>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace headscope {

TokenIndex::TokenIndex(std::size_t expected)
    : slots_(std::bit_ceil(std::max<std::size_t>(16, 2 * expected))) {}

std::size_t TokenIndex::locate(std::string_view text, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.id < 0 || (slot.hash == hash && slot.length == text.size() &&
                        std::memcmp(slot.data, text.data(), text.size()) == 0)) {
      return at;
    }
  }
}

void TokenIndex::insert(std::string_view text, TokenId id) {
  if (2 * (size_ + 1) > slots_.size()) {
    grow();
  }
  const std::uint64_t hash = XXH3_64bits(text.data(), text.size());
  Slot& slot = slots_[locate(text, hash)];
  size_ += slot.id < 0 ? 1 : 0;
  slot = {text.data(), static_cast<std::uint32_t>(text.size()), id, hash};
}

TokenId TokenIndex::find(std::string_view text) const {
  return slots_[locate(text, XXH3_64bits(text.data(), text.size()))].id;
}

void TokenIndex::grow() {
  std::vector<Slot> old(2 * slots_.size());
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id >= 0) {
      slots_[locate({slot.data, slot.length}, slot.hash)] = slot;
    }
  }
}

}  // namespace headscope
