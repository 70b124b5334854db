#include "lib/text/prefix_trie.h"

#include <algorithm>

namespace headscope {
namespace {

using TrieEntry = std::pair<std::string_view, TokenId>;

// Entries [begin, end) share their first `depth` bytes.
struct TrieGroup {
  std::size_t begin;
  std::size_t end;
  std::size_t depth;
};

void sort_and_drop_earlier(std::vector<TrieEntry>& entries) {
  const auto by_text = [](const TrieEntry& a, const TrieEntry& b) { return a.first < b.first; };
  std::stable_sort(entries.begin(), entries.end(), by_text);
  std::vector<TrieEntry> kept;
  kept.reserve(entries.size());
  for (const TrieEntry& entry : entries) {
    if (!kept.empty() && kept.back().first == entry.first) {
      kept.back() = entry;
    } else if (!entry.first.empty()) {
      kept.push_back(entry);
    }
  }
  entries = std::move(kept);
}

}  // namespace

PrefixTrie::PrefixTrie(std::vector<TrieEntry> tokens) : nodes_(1) {
  sort_and_drop_earlier(tokens);
  std::vector<TrieGroup> groups{{0, tokens.size(), 0}};  // of each node
  for (std::size_t node = 0; node < groups.size(); ++node) {
    auto [begin, end, depth] = groups[node];
    if (begin < end && tokens[begin].first.size() == depth) {
      nodes_[node].id = tokens[begin++].second;
    }
    nodes_[node].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (begin < end) {
      const char byte = tokens[begin].first[depth];
      std::size_t next = begin;
      while (next < end && tokens[next].first[depth] == byte) {
        ++next;
      }
      nodes_.push_back({.byte = static_cast<std::uint8_t>(byte)});
      groups.push_back({begin, next, depth + 1});
      begin = next;
    }
    nodes_[node].children = static_cast<std::uint16_t>(nodes_.size() - nodes_[node].first_child);
  }
}

std::uint32_t PrefixTrie::child(std::uint32_t node, std::uint8_t byte) const {
  const auto first = nodes_.begin() + nodes_[node].first_child;
  const auto last = first + nodes_[node].children;
  const auto found = std::lower_bound(
      first, last, byte, [](const Node& one, std::uint8_t wanted) { return one.byte < wanted; });
  return found != last && found->byte == byte ? static_cast<std::uint32_t>(found - nodes_.begin())
                                              : 0;
}

}  // namespace headscope
