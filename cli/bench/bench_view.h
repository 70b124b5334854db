// What bench was asked, what it measured, and how that is shown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyses/bench/bench_runs.h"
#include "analyses/bench/cache_bench.h"
#include "analyses/bench/step_bench.h"
#include "cli/verb.h"
#include "lib/base/json_fwd.h"

namespace headscope {

struct BenchArguments {
  std::string what;  // "forward", "record", "stream", "generate" or "cache"
  std::string model;
  std::vector<std::string> shapes{"8x15", "1x512"};
  int repeats = 10;
  int warm_ups = 2;
  bool random_weights = false;
  Logits logits = Logits::all;
  std::vector<std::string> hooks{"blocks.*.attn.hook_pattern", "blocks.*.attn.hook_z"};
  std::int64_t buffer_mib = 512;  // of stream
  std::string interventions;      // of generate: a file; empty: one head is scaled
  // Of cache: what heads that do not keep everything have, the share of KV heads that do, and
  // whether steps may be replayed.
  std::string choice = "streaming:sink=64,local=256";
  double budget = 0.5;
  bool passes = false;
  int prefills = 3;
  std::string out;  // where traces go; empty: the folder for temporary files
};

struct Measurement {
  // "forward", "record to memory", "record to file", "trace alone", "plain write", "stream, cold",
  // "plain read, cold", "stream, cached", "plain read, cached", "step", "step, head scaled",
  // "step, changed"
  std::string run;
  Shape shape;
  Timing timing;
  std::int64_t peak_memory = 0;      // bytes, the most so far
  std::int64_t values = 0;           // bytes that were written or read
  std::optional<StepTimes> steps{};  // of steps of decoding
  std::optional<double> cpu_ms{};    // of reading, all threads together
  // Of "step, plan": against a cache that keeps everything.
  std::optional<CacheTimes> cache{};

  [[nodiscard]] double tokens_per_second() const {
    const std::int64_t tokens = shape.prompts * (steps || cache ? 1 : shape.tokens);
    return static_cast<double>(tokens) / (timing.median_ms / 1000.0);
  }
  [[nodiscard]] double bytes_per_second() const {
    return static_cast<double>(values) / (timing.median_ms / 1000.0);
  }
};

struct BenchOutcome {
  std::vector<Measurement> runs;
  double load_seconds = 0.0;
  std::string weights_hash;
};

OrderedJson to_json(const BenchOutcome& result,
                    const BenchArguments& options,
                    const Invocation& invocation);
std::string to_text(const BenchOutcome& result,
                    const BenchArguments& options,
                    const Invocation& invocation);

}  // namespace headscope
