// Blocks of a piece of work, by number: those that a rank takes at once.
#pragma once

#include <cstdint>

namespace headscope {

struct BlockRange {
  std::int64_t first = 0;
  std::int64_t end = 0;
  [[nodiscard]] std::int64_t size() const { return end - first; }
  [[nodiscard]] bool empty() const { return end <= first; }
  bool operator==(const BlockRange&) const = default;
};

}  // namespace headscope
