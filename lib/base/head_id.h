// Attention heads by number.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/json_fwd.h"

namespace headscope {

// One attention head of a model: "9.6" is head 6 of layer 9, both counted from 0. A query head,
// unless the name of what holds it says that it is a KV head.
struct HeadId {
  std::int64_t layer = 0;
  std::int64_t head = 0;
  auto operator<=>(const HeadId&) const = default;  // by layer, then head
};

std::string to_string(const HeadId& head);  // "9.6"
std::ostream& operator<<(std::ostream& out, const HeadId& head);

// Reads "9.6". Throws UsageError for anything else.
HeadId parse_head_id(std::string_view text);

// {"layer": 9, "head": 6}
nlohmann::ordered_json head_json(const HeadId& head);

// Which heads a model has: n_heads in each of n_layers layers. Lists of one entry a head have them
// layer by layer.
struct HeadGrid {
  std::int64_t n_layers = 0;
  std::int64_t n_heads = 0;
  bool operator==(const HeadGrid&) const = default;

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(n_layers * n_heads); }
  [[nodiscard]] bool contains(const HeadId& head) const;

  // A head's place in such a list, and the head of a place. InternalError for one outside the grid.
  [[nodiscard]] std::size_t index_of(const HeadId& head) const;
  [[nodiscard]] HeadId head_at(std::size_t index) const;

  [[nodiscard]] std::vector<std::size_t> indices_of(const std::vector<HeadId>& heads) const;

  [[nodiscard]] std::vector<HeadId> heads() const;  // all, in order
};

}  // namespace headscope

template <>
struct std::hash<headscope::HeadId> {
  std::size_t operator()(const headscope::HeadId& head) const noexcept {
    return std::hash<std::int64_t>()(head.layer * 1'000'003 + head.head);
  }
};
