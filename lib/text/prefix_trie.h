// The tokens that a text begins with, found byte by byte.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/text/tokenizer.h"

namespace headscope {

class PrefixTrie {
 public:
  // The empty text is no token, and one text twice belongs to the later entry.
  explicit PrefixTrie(std::vector<std::pair<std::string_view, TokenId>> tokens);

  // Calls `found(length, id)` for every token that `text` begins with, the shortest first.
  template <typename Found>
  void prefixes(std::string_view text, const Found& found) const {
    std::uint32_t node = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      node = child(node, static_cast<std::uint8_t>(text[at]));
      if (node == 0) {
        return;
      }
      if (nodes_[node].id >= 0) {
        found(at + 1, nodes_[node].id);
      }
    }
  }

 private:
  struct Node {
    std::uint32_t first_child = 0;  // children lie together, in the order of their bytes
    std::uint16_t children = 0;
    std::uint8_t byte = 0;
    TokenId id = -1;
  };

  // 0, the root, if there is none.
  [[nodiscard]] std::uint32_t child(std::uint32_t node, std::uint8_t byte) const;

  std::vector<Node> nodes_;
};

}  // namespace headscope
