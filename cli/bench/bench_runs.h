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

// `run` must return only when the device is done.
Timing time_runs(const std::function<void()>& run, int warm_ups, int repeats);

// One plain forward pass.
void run_forward(const Model& model, const Batch& batch, Logits logits);

// One pass with `hooks` kept on the model's device, as TransformerLens's run_with_cache does.
void run_to_memory(const Model& model, const Batch& batch, const RecordOptions& options);

// One recording into a new trace at `path`, synced to disk.
void run_to_file(const Model& model,
                 const std::vector<std::vector<std::int32_t>>& tokens,
                 const std::filesystem::path& path,
                 RecordOptions options);

}  // namespace headscope
