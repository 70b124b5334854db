// Steps of decoding at their steady pace: one more token of every row of a batch that stays
// together, the prompts' pass and the recording of CUDA graphs left out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "analyses/bench/bench_runs.h"
#include "lib/model/model.h"
#include "lib/model/standing_change.h"

namespace headscope {

// Of pairs of times: the median of their ratios, and the interval between order statistics that
// holds the true median with at least 95 % (all of them where that takes more than there are).
struct MedianRatio {
  double median = 1.0;
  double low = 1.0;
  double high = 1.0;
};
MedianRatio median_ratio(const std::vector<double>& numerators,
                         const std::vector<double>& denominators);

struct StepTimes {
  Timing plain;
  Timing changed;
  MedianRatio ratio;              // changed ÷ plain, of steps that follow each other
  std::string passes;             // why steps were not replayed as one launch; empty: they were
  std::int64_t read_bytes = 0;    // of weights, that a step reads at least
  double bytes_per_second = 0.0;  // at which this device's memory is read, measured beside it
  [[nodiscard]] double limit_ms() const {
    return 1000.0 * static_cast<double>(read_bytes) / bytes_per_second;
  }
};

// The least of changes: one head's z, in the middle of the model, scaled at every step.
std::shared_ptr<const StandingChange> scaled_head(const Model& model);

// Two generations from the same random prompts of `shape`, one of them under `change`, step in
// turn: plain, changed, changed, plain, and again, `repeats.timed` times. Throws UsageError if the
// model's context is too short for so many steps or a part of the change never changed anything,
// Interrupted as time_in_turn().
StepTimes time_steps(const Model& model,
                     const Shape& shape,
                     std::uint64_t seed,
                     const std::shared_ptr<const StandingChange>& change,
                     const BenchRepeats& repeats);

}  // namespace headscope
