// Where a sweep keeps what it has computed: one value a cell and prompt, durable once written.
//
// HDF5, readable with h5py (data/RESULT_FORMAT.md):
//   /per_prompt         f64 [axis…, prompt]  NaN where not done
//   /done               u8  [axis…, prompt]
//   /result             f64 [axis…]          mean over prompts; NaN until the file is complete
//   /baseline/clean     f64 [prompt]         the metric of the runs nobody changed
//   /baseline/corrupted f64 [prompt]
//   /axes/<name>        i64 or text, the labels of an axis ("layer", "head", "pos")
//   /prompts/id, /prompts/template           text
// Attributes: format "headscope-result", version, kind, metric, provenance (JSON) and its keys, as
// in a trace; attribute "axes" on /per_prompt and /result.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hooks/trace/trace_writer.h"  // IfExists
#include "lib/base/json.h"

namespace headscope {

struct ResultAxis {
  std::string name;                 // "layer"
  std::vector<std::string> labels;  // one a position on it; numbers as text
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
};

// What a store is of. `identity` holds everything that must agree for it to be resumed or merged:
// model, task, seed, method and its options, version.
struct ResultHeader {
  std::string kind;    // "patch"
  std::string metric;  // "logit_diff"
  std::vector<ResultAxis> axes;
  std::vector<std::string> prompt_ids;
  std::vector<std::string> templates;  // as many, or empty
  Json provenance;                     // with "identity"
};

class ResultStore {
 public:
  // Makes PATH, or with IfExists::resume opens what is there. Throws UsageError if another process
  // is writing it, if it exists (IfExists::fail), or if it is of another model, task, seed or
  // version: the message names the first thing that differs and both values. ResourceError for a
  // full disk or an unwritable path.
  ResultStore(const std::filesystem::path& path, const ResultHeader& header, IfExists if_exists);
  ~ResultStore();
  ResultStore(ResultStore&&) noexcept;
  ResultStore& operator=(ResultStore&&) noexcept;

  // `cell` counts the cells in row-major order of the axes.
  [[nodiscard]] bool done(std::int64_t cell, std::int64_t prompt) const;
  [[nodiscard]] double value(std::int64_t cell, std::int64_t prompt) const;  // NaN if not done
  [[nodiscard]] std::int64_t cells() const;
  [[nodiscard]] std::int64_t prompts() const;
  [[nodiscard]] std::int64_t done_count() const;  // (cell, prompt) pairs

  // Durable when it returns (values first, then marks): a kill at any moment leaves a valid file.
  // Throws ResourceError if the disk is full; what was written stays.
  struct Value {
    std::int64_t cell = 0;
    std::int64_t prompt = 0;
    double value = 0.0;
  };
  void put(const std::vector<Value>& values);

  enum class Run { clean, corrupted };
  void put_baseline(Run run, const std::vector<double>& per_prompt);

  // Writes /result of the cells of which every prompt is done, and syncs.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A store read whole.
struct Result {
  ResultHeader header;
  std::vector<double> per_prompt;  // [cells, prompts], NaN where not done
  std::vector<double> clean, corrupted;
  std::int64_t done = 0;  // (cell, prompt) pairs
  [[nodiscard]] bool complete() const {
    return done == static_cast<std::int64_t>(per_prompt.size());
  }
};

// Throws DataError naming the path: missing, not a headscope result, damaged, another version.
Result read_result(const std::filesystem::path& path);
bool is_result_file(const std::filesystem::path& path);  // by its first bytes; no error

// Joins shards of one sweep (made with --shard i/n) into a new file. Throws UsageError naming the
// files for an overlap of done cells, gaps, or shards of different sweeps.
void merge_results(const std::vector<std::filesystem::path>& shards,
                   const std::filesystem::path& out,
                   IfExists if_exists);

}  // namespace headscope
