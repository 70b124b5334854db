// Cells gathered until they are worth a batch, then run together.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analyses/sweep/row_runner.h"
#include "analyses/sweep/scoring.h"
#include "analyses/sweep/sweep_sink.h"

namespace headscope {

class Wave {
 public:
  struct Member {
    std::int64_t cell = 0;
    std::int64_t row = 0;   // of the block
    std::int64_t item = 0;  // of the task
  };

  // `clean_logits` [B, V] are those of the block's rows.
  Wave(const RowRunner& runner, const Scoring& scoring, const Tensor& clean_logits, SweepSink& sink)
      : runner_(runner), scoring_(scoring), clean_(clean_logits), sink_(sink) {}

  // `entering.row` is filled in here.
  void add(Entering entering, const std::vector<Member>& members);
  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(members_.size()); }

  // Runs and stores what was added, and is empty again. False if `stop` ended it: nothing stored.
  bool flush(const std::function<bool()>& stop);

 private:
  const RowRunner& runner_;
  const Scoring& scoring_;
  Tensor clean_;
  SweepSink& sink_;
  std::vector<Entering> entering_;
  std::vector<Member> members_;
};

}  // namespace headscope
