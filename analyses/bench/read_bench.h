// How fast a stream hands out shuffled rows of a trace, beside the disk itself.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "analyses/bench/bench_runs.h"

namespace headscope {

struct ReadTiming {
  Timing wall;
  double cpu_ms = 0.0;  // median, of all threads of this process
};

// "cold": the file is thrown out of the page cache before each run, as far as the kernel obeys.
struct ReadTimes {
  ReadTiming stream_cold;
  ReadTiming plain_cold;
  ReadTiming stream_cached;
  ReadTiming plain_cached;
  std::int64_t bytes = 0;  // of the hook points' values, which the stream hands out
};

// `hooks` of a whole trace: every row by an ActivationStream as f32, and the whole file by read(2)
// in pieces of 8 MiB, in turn. Times of plain reads are scaled by the share of `bytes` in the
// file's.
ReadTimes time_reading(const std::filesystem::path& trace,
                       const std::vector<std::string>& hooks,
                       std::size_t buffer_bytes,
                       const BenchRepeats& repeats);

}  // namespace headscope
