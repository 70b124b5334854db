// How fast a recording reaches the disk, beside the disk itself.
#pragma once

#include <filesystem>

#include "analyses/bench/bench_runs.h"

namespace headscope {

struct WriteTimes {
  Timing trace;  // a new trace of the values, from the first byte to fsync
  Timing plain;  // the same bytes by write(2) to one file, then fsync
  std::int64_t bytes = 0;
};

// Runs the model once, keeps what `options` record in memory, and writes it again and again, both
// ways in turn; no model runs meanwhile. The files lie in `folder` and are removed. Memory: twice
// the values where the trace stores another dtype than the model computes in.
WriteTimes time_writing(const Model& model,
                        const std::vector<std::vector<std::int32_t>>& tokens,
                        const std::filesystem::path& trace,
                        const RecordOptions& options,
                        const BenchRepeats& repeats);

}  // namespace headscope
