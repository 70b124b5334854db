// What `headscope bench` measures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hooks/record.h"
#include "lib/model/model.h"

namespace headscope {

struct Shape {
  std::int64_t prompts = 0;
  std::int64_t tokens = 0;  // of each
};
Shape parse_shape(std::string_view text);  // "8x15"; UsageError otherwise

// Uniform over the vocabulary; the same for the same seed everywhere.
std::vector<std::vector<std::int32_t>> random_prompts(const Shape& shape,
                                                      std::int64_t vocabulary,
                                                      std::uint64_t seed);

struct Timing {
  double median_ms = 0.0;
  double min_ms = 0.0;
};
Timing timing_of(std::vector<double> times_ms);  // of at least one

struct BenchRepeats {
  int warm_ups = 2;  // runs before them that are not timed
  int timed = 10;
  std::function<bool()> stop = {};  // asked after every run; time_in_turn() then throws Interrupted
};

// What is timed, and what is done before each run and not timed. `run` must return only when the
// device is done.
struct BenchWork {
  std::function<void()> prepare;
  std::function<void()> run;
};

// Runs each work once, then each again, and so on: what else the machine does meets all alike.
std::vector<Timing> time_in_turn(const std::vector<BenchWork>& works, const BenchRepeats& repeats);

// The same, every time of each work in milliseconds.
std::vector<std::vector<double>> times_in_turn(const std::vector<BenchWork>& works,
                                               const BenchRepeats& repeats);

// One plain forward pass.
void run_forward(const Model& model, const Batch& batch, Logits logits);

// One pass with `hooks` kept on the model's device, as TransformerLens's run_with_cache does.
void run_to_memory(const Model& model, const Batch& batch, const RecordOptions& options);

// Prompts of these tokens, numbered.
std::vector<Prompt> bench_prompts(const std::vector<std::vector<std::int32_t>>& tokens);

// One recording into a new trace at `path`, synced to disk.
void run_to_file(const Model& model,
                 const std::vector<std::vector<std::int32_t>>& tokens,
                 const std::filesystem::path& path,
                 const RecordOptions& options);

}  // namespace headscope
