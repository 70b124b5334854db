// Cells gathered until they are worth a batch, then run together.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "analyses/sweep/row_runner.h"
#include "analyses/sweep/scoring.h"
#include "analyses/sweep/sweep_sink.h"

namespace headscope {

class RowBatch {
 public:
  struct Member {
    std::int64_t cell = 0;
    std::int64_t row = 0;   // of the batch
    std::int64_t item = 0;  // of the task
  };

  // `clean_logits` [B, V] are those of the batch's rows.
  RowBatch(const RowRunner& runner, const Scoring& scoring, const Tensor& clean_logits)
      : runner_(runner), scoring_(scoring), clean_(clean_logits) {}

  // `entering.row` is filled in here.
  void add(ResidualRows entering, const std::vector<Member>& members);

  // The metric of what was added; nothing if `stop` ended it.
  [[nodiscard]] std::optional<std::vector<ResultStore::Value>> run(
      const std::function<bool()>& stop) const;

 private:
  const RowRunner& runner_;
  const Scoring& scoring_;
  Tensor clean_;
  std::vector<ResidualRows> entering_;
  std::vector<Member> members_;
};

}  // namespace headscope
