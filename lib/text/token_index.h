// A hash table from token texts to ids: open addressing over XXH3, the texts kept by the owner.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/text/tokenizer.h"

namespace headscope {

class TokenIndex {
 public:
  // `expected` entries fit without growing.
  explicit TokenIndex(std::size_t expected = 0);

  // A second entry of the same text takes the first one's place. `text` must outlive the table.
  void insert(std::string_view text, TokenId id);

  // The id of `text`, or −1.
  [[nodiscard]] TokenId find(std::string_view text) const;

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    const char* data = nullptr;
    std::uint32_t length = 0;
    TokenId id = -1;
    std::uint64_t hash = 0;
  };
  [[nodiscard]] std::size_t locate(std::string_view text, std::uint64_t hash) const;
  void grow();

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace headscope
