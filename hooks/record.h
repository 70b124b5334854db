// Prompts through a model, hook points to a trace file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hooks/statistics_points.h"
#include "hooks/trace/trace_schema.h"
#include "hooks/trace/trace_writer.h"
#include "lib/base/block_source.h"
#include "lib/base/json.h"
#include "lib/model/model.h"

namespace headscope {

// What gradients are of: the logits of the last column [rows, V] f32 of some prompts → one number a
// row. It goes through Torch operators, which are differentiated.
using RecordObjective =
    std::function<Tensor(const Tensor& logits, const std::vector<std::size_t>& prompts)>;

struct RecordOptions {
  // Names, aliases, globs; with _grad at the end, gradients of the objective. None: logits alone.
  std::vector<std::string> hooks{};
  RecordObjective objective = {};
  StatisticsChoice statistics = {};  // of every layer's attention; no pattern is formed for them
  Logits logits = Logits::last;
  DType store = DType::f32;
  IfExists if_exists = IfExists::fail;
  int compress = 0;                  // deflate level 0–9 of the finished file
  std::int64_t batch_tokens = 2048;  // the most tokens, padding included, in one forward pass
  Json provenance;                   // hooks/provenance.h
  std::function<void(std::size_t done, std::size_t total)> progress = {};
  // Which batches of prompts to run, where several processes share them, each into a file of its
  // own: the batches are then those of all prompts. Null: those of the prompts that the file lacks.
  BlockSource* blocks = nullptr;
  // Of those processes: whether another file has the prompt.
  std::function<bool(std::size_t prompt)> elsewhere = {};
  std::function<bool()> stop = {};    // asked between batches; true ends early, resumable
  std::function<bool()> cancel = {};  // the same, asked in every layer: the batch under way is lost
};

struct RecordResult {
  std::size_t prompts = 0;
  std::size_t done_before = 0;  // was in the file already
  std::size_t recorded_now = 0;
  std::int64_t bytes = 0;  // of values written now
  double seconds = 0.0;
  bool stopped = false;
};

// Throws what the trace writer, the address and the model throw. Memory does not grow with the
// number of prompts.
RecordResult record(const Model& model,
                    const std::vector<Prompt>& prompts,
                    const std::filesystem::path& out,
                    const RecordOptions& options);

// The datasets such a recording of prompts of at most `longest` tokens makes.
std::vector<TraceDataset> record_datasets(const ModelConfig& config,
                                          const RecordOptions& options,
                                          std::int64_t longest);

}  // namespace headscope
