// What a sweep keeps of a run nobody changed.
#pragma once

#include <map>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

struct RunOptions {
  std::vector<Site> sites;          // of every layer
  std::int64_t first_column = 0;    // nothing of the columns before is kept, keys and values apart
  std::vector<std::int64_t> vocab;  // logits of these tokens alone; empty: all
};

class RunValues {
 public:
  // Runs the batch.
  RunValues(const Model& model, const Batch& batch, const RunOptions& options);

  // [B, V] f32, at the last column.
  [[nodiscard]] const Tensor& logits() const { return logits_; }

  // Axes as info(site).axes says, "pos" and "query" from first_column on. InternalError if the site
  // was not asked for.
  [[nodiscard]] const Tensor& at(Site site, std::int64_t layer) const;

 private:
  Tensor logits_;
  std::map<std::pair<Site, std::int64_t>, Tensor> values_;
};

// The site whose value attention compares: rot_q and rot_k where the model rotates, else q and k.
Site placed_queries(const ModelConfig& config);
Site placed_keys(const ModelConfig& config);

}  // namespace headscope
