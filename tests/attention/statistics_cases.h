// The shapes and options that every form of the attention statistics is tested and timed on.
#pragma once

#include <string>
#include <vector>

#include "lib/attention/statistics.h"

namespace headscope::test {

struct StatisticsCase {
  std::string name;
  std::int64_t batch = 1, queries = 64, keys = 64, heads = 2, kv_heads = 2, d = 64;
  const char* dtype = "f32";  // or bf16, f16: the dtype of q and k
  std::int64_t window = 0;
  double softcap = 0.0;
  double spread = 1.0;  // how far scores lie apart: their standard deviation
  std::vector<std::int64_t> pads = {};
  // Bits: what a spec has beside scale, soft-cap and window.
  enum Extra {
    none,
    alibi = 1,
    sinks = 2,
    both = 3,
    head_scale = 4,
    distance_bias = 8,
    all = 15,
    relu = 32
  };
  // A scale a query and head, a bias a key and row, and one key that no query but its own sees.
  static constexpr int kChangedScores = 16;
  int extra = none;
  enum class Lse { found, given } lse = Lse::found;
  Visibility visibility = Visibility::causal;
  std::int64_t top_k = 3, block = 16, spans = 2, targets = 2;
  double tolerance = 2e-5;  // of a mass; the same for all statistics per unit of their size
};

const std::vector<StatisticsCase>& statistics_cases();  // small ones: for tests

// Drawn from a fixed seed, on the CPU; a key in ten is like its query's double, so that some rows
// are peaked.
StatisticsInputs make_inputs(const StatisticsCase& c);
StatisticsRequest make_request(const StatisticsCase& c);  // everything there is

// Fails the test naming the statistic. Keys of top_k may differ where weights are equal to within
// the tolerance. `got` may be on any device.
void check_equal(const AttentionStatistics& got,
                 const AttentionStatistics& expected,
                 const StatisticsCase& c);

}  // namespace headscope::test
