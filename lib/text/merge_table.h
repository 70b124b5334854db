// The merges of a BPE model: (left id, right id) → rank and merged id.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/text/tokenizer.h"

namespace headscope {

struct Merge {
  std::uint32_t rank = kNone;
  TokenId id = -1;

  static constexpr std::uint32_t kNone = ~0u;  // no such merge
  [[nodiscard]] bool exists() const { return rank != kNone; }
};

class MergeTable {
 public:
  explicit MergeTable(std::size_t expected = 0);

  // A pair given twice keeps the later rank, as in Hugging Face's map.
  void insert(TokenId left, TokenId right, Merge merge);

  [[nodiscard]] Merge find(TokenId left, TokenId right) const {
    const std::uint64_t key = key_of(left, right);
    for (std::size_t at = slot_of(key);; at = (at + 1) & mask_) {
      if (slots_[at].key == key || slots_[at].key == kFree) {
        return slots_[at].merge;
      }
    }
  }

 private:
  static constexpr std::uint64_t kFree = ~0ull;
  struct Slot {
    std::uint64_t key = kFree;
    Merge merge;
  };

  static std::uint64_t key_of(TokenId left, TokenId right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
           static_cast<std::uint32_t>(right);
  }
  [[nodiscard]] std::size_t slot_of(std::uint64_t key) const {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ull) >> shift_);
  }

  int shift_;
  std::size_t mask_;
  std::vector<Slot> slots_;
};

}  // namespace headscope
