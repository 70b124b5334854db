// Queries, keys and values of some heads of a layer, from streams of their own.
#pragma once

#include <vector>

#include "lib/model/model.h"

namespace headscope {

class HeadProjections {
 public:
  // A model whose every query head has keys and values of its own (lib/model/ungrouped.h), which
  // outlives this.
  HeadProjections(const Model& model, std::int64_t layer);

  // Streams […, d_model] through ln1, in the model's dtype.
  [[nodiscard]] Tensor normalized(const Tensor& streams) const;

  // hook_q, hook_k or hook_v [n, rows, d_head] of one normalized stream [n, d_model]; a row is a
  // head: of q those from 0 on, of k those from n_heads on, then those of v.
  [[nodiscard]] Tensor projected(const Tensor& normalized,
                                 const std::vector<std::int64_t>& rows) const;

 private:
  const ModelConfig& config_;
  const BlockWeights& block_;
};

}  // namespace headscope
