// A part of a hook point's value: some heads, positions, prompts, pairs of query and key. Heads of
// queries and of keys and values (KV heads) are different index spaces, each with a name of its
// own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/model/tap.h"

namespace headscope {

// Which query looks at which key, by their positions in the prompt; unset: every one.
struct AttentionPair {
  std::optional<std::int64_t> query{};
  std::optional<std::int64_t> key{};
  bool operator==(const AttentionPair&) const = default;
};

// Unset: all. Positions count a prompt's own tokens (padding never counts), negative ones from its
// end; at scores and patterns they select queries. Prompts are those of the layout: rows of the
// batch, or, where it says which (BatchLayout::prompts), the prompts they are.
struct Selection {
  std::optional<std::vector<std::int64_t>> heads{};  // of a point with the axis "head"
  std::optional<std::vector<std::int64_t>> positions{};
  std::optional<std::vector<std::int64_t>> prompts{};
  std::optional<std::vector<std::int64_t>> kv_heads{};  // of a point with the axis "kv_head"
  std::optional<std::vector<AttentionPair>> pairs{};    // of scores and patterns

  [[nodiscard]] bool everything() const {
    return !heads && !positions && !prompts && !kv_heads && !pairs;
  }
};

// True if `whole` selects all that `part` does, whatever the prompts: as both are written, so that
// a position counted from the end is another one than any counted from the beginning.
bool is_within(const Selection& part, const Selection& whole);

// Throws UsageError if the point has no such axis or the index is out of range. Prompts and
// positions depend on the batch and are checked by selected().
void check(const Selection& selection, HookPoint point, const ModelConfig& config);

// True at the selected elements; broadcasts against the value. Bool, on the value's device.
// Positions are looked up in the selected prompts alone. Throws UsageError for a position that one
// of them does not have.
Tensor selected(const Selection& selection, const Visit& visit, const Tensor& value);

}  // namespace headscope
