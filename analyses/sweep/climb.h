// One batch of streams that grows from layer to layer as rows enter.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "analyses/sweep/row_runner.h"

namespace headscope {

struct Stream {
  Tensor resid;  // [R, s, d_model]
  Tensor row;    // [R]: the row of the block each belongs to
};

struct Climb {
  // From where rows enter to the stream entering `to_layer`.
  std::function<Stream(const Entering& from, std::int64_t to_layer)> run;
  // Told the stream entering each layer, rows that enter there included.
  std::function<void(std::int64_t layer, const Stream& stream)> at_layer = {};
  std::function<bool()> stop = {};
};

// The stream entering layer `end`, rows in the order of `entering`, which is that of their layers.
// Nothing if `stop` said so between two layers.
std::optional<Stream> climb(const std::vector<Entering>& entering,
                            std::int64_t end,
                            const Climb& with);

// The layout of rows of a block: its columns from `first` on.
BatchLayout layout_of_rows(const BatchLayout& block, std::int64_t first, const Tensor& row);

}  // namespace headscope
