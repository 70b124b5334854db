// A metric's values for rows of logits, each row being a run of some item.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyses/metric/metric.h"
#include "analyses/task/task.h"
#include "lib/model/model.h"

namespace headscope {

class Scoring {
 public:
  // Of runs of `model`. Throws UsageError if the metric needs wrong answers and an item has none.
  Scoring(const Metric& metric, const std::vector<TaskItem>& items, const Model& model);

  // The tokens whose logits are wanted, in order; empty: all.
  [[nodiscard]] const std::vector<std::int64_t>& vocab() const { return vocab_; }

  // Rows of logits and the item of each. `clean` is [R, V] where the metric needs it. Throws
  // DataError naming an item whose logits are not finite.
  [[nodiscard]] std::vector<double> values(const Tensor& logits,
                                           const std::vector<std::int64_t>& items,
                                           const Tensor& clean) const;

  // The same as one tensor [R] f64 on the CPU, through which autograd goes. UsageError
  // for a metric that has none.
  [[nodiscard]] Tensor differentiable(const Tensor& logits,
                                      const std::vector<std::int64_t>& items,
                                      const Tensor& clean) const;

  // The same of logits of the whole vocabulary, whichever tokens are wanted.
  [[nodiscard]] Tensor followed_of_vocabulary(const Tensor& logits,
                                              const std::vector<std::int64_t>& items) const;

  [[nodiscard]] const Metric& metric() const { return metric_; }

 private:
  void check_finite(const Tensor& logits, const std::vector<std::int64_t>& items) const;

  const Metric& metric_;
  std::vector<std::string> ids_;  // of the items
  std::vector<std::int64_t> vocab_;
  std::string advice_;  // about logits that are not finite
  Tensor answers_;      // [items, A] columns of the logits, −1 beyond an item's own
  Tensor wrong_;        // [items, W]
};

}  // namespace headscope
