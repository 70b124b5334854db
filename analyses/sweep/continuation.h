// From changed residual streams to logits, without running again what did not change: layers before
// the change, and columns before the first difference, whose keys and values are kept.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "analyses/sweep/run_values.h"
#include "lib/model/model.h"

namespace headscope {

// Rows that enter a pass at one place.
struct Entering {
  std::int64_t layer = 0;
  Resume::At at = Resume::At::layer;
  Tensor streams;  // [R, s, d_model] f32: the columns from first_column on
  Tensor row;      // [R] int64 on the device: the row of the run each goes on from
};

class Continuation {
 public:
  // Of a run that kept placed_keys() and v. `layout` is that of the whole run.
  Continuation(const Model& model,
               const RunValues& run,
               const BatchLayout& layout,
               std::int64_t first_column);

  // The logits at the last column [rows of all, V], in the order given, which must be that of their
  // layers, earliest first: one batch that grows from layer to layer. Nothing if `stop` said so
  // between two layers.
  [[nodiscard]] std::optional<Tensor> logits(const std::vector<Entering>& entering,
                                             const std::vector<std::int64_t>& vocab,
                                             const std::function<bool()>& stop) const;

 private:
  struct Stream {
    Tensor resid;
    Tensor row;
  };
  [[nodiscard]] Stream run(const Entering& from, std::int64_t to_layer) const;
  [[nodiscard]] Resume resume_of(const Entering& from, KvPrefix& prefix) const;

  const Model& model_;
  BatchLayout layout_;  // of the columns that run, one row a row of the run
  KvPrefix prefix_;     // row: not set
};

}  // namespace headscope
