// A part of a hook point's value: some heads, positions, prompts. Query heads and KV heads are
// different index spaces: a selection of heads speaks of the axis the point has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/model/tap.h"

namespace headscope {

// Unset: all. Positions count a prompt's own tokens (padding never counts), negative ones from its
// end; at scores and patterns they select queries. Prompts that `prompts` leaves out need not have
// the positions.
struct Selection {
  std::optional<std::vector<std::int64_t>> heads{};
  std::optional<std::vector<std::int64_t>> positions{};
  std::optional<std::vector<std::int64_t>> prompts{};

  [[nodiscard]] bool everything() const { return !heads && !positions && !prompts; }
};

// Throws UsageError if the point has no such axis or the index is out of range. Prompts and
// positions depend on the batch and are checked by selected().
void check(const Selection& selection, HookPoint point, const ModelConfig& config);

// True at the selected elements; broadcasts against the value. Bool, on the value's device.
Tensor selected(const Selection& selection, const Visit& visit, const Tensor& value);

}  // namespace headscope
