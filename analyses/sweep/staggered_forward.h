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
  Tensor row;    // [R]: the row of the batch each belongs to
};

// How rows run from layer to layer, and what is told of them on the way.
struct StaggeredForward {
  // From where rows enter to the stream entering `to_layer`.
  std::function<Stream(const ResidualRows& from, std::int64_t to_layer)> run;
  // Told the stream entering each layer, rows that enter there included.
  std::function<void(std::int64_t layer, const Stream& stream)> at_layer = {};
  std::function<bool()> stop = {};
};

// The stream entering layer `end`, rows in the order of `entering`, which is that of their layers.
// Nothing if `stop` said so between two layers.
std::optional<Stream> staggered_forward(const std::vector<ResidualRows>& entering,
                                        std::int64_t end,
                                        const StaggeredForward& with);

// The layout of rows of a batch: its columns from `first` on.
BatchLayout layout_of_rows(const BatchLayout& batch, std::int64_t first, const Tensor& row);

}  // namespace headscope
