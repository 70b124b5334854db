// Where a sweep keeps what it has computed: one value a cell and prompt, durable once written.
//
// HDF5, readable with h5py (data/RESULT_FORMAT.md says more):
//   /per_prompt         f64 [axis…, prompt]  NaN where nothing was written
//   /done               u8  [axis…, prompt]  1: the value is there for good
//   /result             f64 [axis…]          mean over prompts; NaN until finish()
//   /baseline/clean     f64 [prompt]         the metric of the unchanged runs
//   /baseline/corrupted f64 [prompt]
//   /baseline/done      u8  [2]              clean, corrupted
//   /axes/<name>        i64 or text, the labels of an axis ("layer", "head", "pos")
//   /prompts/id, /prompts/template           text
// Attributes: format "headscope-result", version, kind, metric, provenance (JSON) and its keys, as
// in a trace; attribute "axes" on /per_prompt, /done and /result.
//
// How it survives kill -9: as a trace does (hooks/trace/trace.h). All metadata are written and
// sealed before the first value, all space is taken (a disk too full says so at once), and a value
// is on disk before its mark is written. Free of Torch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hooks/stored/if_exists.h"
#include "lib/base/json.h"
#include "lib/base/run.h"

namespace headscope {

struct ResultAxis {
  std::string name;                 // "layer"
  std::vector<std::string> labels;  // one a position on it; numbers as text
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
};

// What a store is of. provenance["identity"] holds everything that must agree for it to be resumed
// or merged: model, task, seed, method and its options, version. provenance["shard"], if there,
// says which part of a sweep this is; it must agree to resume and is no part of the identity.
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
  // is writing it, if it exists (IfExists::fail), if the header makes no sense, or if what is there
  // is of another kind, identity, metric, shard, axes or prompts: the message names the first thing
  // that differs and both values. ResourceError for a full disk or an unwritable path, DataError
  // for a damaged file.
  ResultStore(const std::filesystem::path& path, const ResultHeader& header, IfExists if_exists);
  ~ResultStore();
  ResultStore(ResultStore&&) noexcept;
  ResultStore& operator=(ResultStore&&) noexcept;

  // `cell` counts the cells in row-major order of the axes. One thread at a time.
  [[nodiscard]] bool done(std::int64_t cell, std::int64_t prompt) const;
  [[nodiscard]] double value(std::int64_t cell, std::int64_t prompt) const;  // NaN if not done
  [[nodiscard]] std::int64_t cells() const;
  [[nodiscard]] std::int64_t prompts() const;
  [[nodiscard]] std::int64_t done_count() const;  // (cell, prompt) pairs

  // Durable when it returns (values first, then marks): a kill at any moment leaves a valid file.
  // Each call waits for the disk twice: give a batch at once. Throws UsageError for a pair that is
  // done already, is given twice or is not there: then nothing is written. ResourceError if the
  // disk fails; what earlier calls wrote stays.
  struct Value {
    std::int64_t cell = 0;
    std::int64_t prompt = 0;
    double value = 0.0;
  };
  void put(const std::vector<Value>& values);

  // Durable when it returns. Giving what is there again changes nothing; other values (compared bit
  // for bit) are a UsageError: cells measured against two baselines must not mix.
  void put_baseline(Run run, const std::vector<double>& per_prompt);
  [[nodiscard]] const std::vector<double>& baseline(Run run) const;  // empty if not put

  // Writes /result of the cells of which every prompt is done, and syncs.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A store read whole.
struct Result {
  ResultHeader header;
  std::vector<double> per_prompt;        // [cells, prompts], NaN where not done
  std::vector<double> clean, corrupted;  // [prompts]; empty if never put
  std::int64_t done = 0;                 // (cell, prompt) pairs
  [[nodiscard]] const std::vector<double>& baseline(Run run) const {
    return run == Run::clean ? clean : corrupted;
  }
  [[nodiscard]] bool complete() const {
    return done == static_cast<std::int64_t>(per_prompt.size());
  }
};

// Reads what is done, also while another process goes on writing. Throws DataError naming the path:
// missing, not a headscope result, damaged, another version.
Result read_result(const std::filesystem::path& path);
bool is_result_file(const std::filesystem::path& path);  // by its first bytes; no error

// Mean over prompts of each cell, summed in their order: what /result holds. NaN where a prompt is
// not done, which is what a NaN that was measured gives too.
std::vector<double> means(const std::vector<double>& per_prompt, std::int64_t prompts);

// provenance["shard"] of what rank N of several wrote begins so: "rank 3".
inline constexpr const char* kRankShard = "rank ";

// Joins shards of one sweep (made with --shard i/n) into a new file: value for value what one
// process would have written. Shards of ranks may hold the same cells, if with the same bits. Its
// provenance is the first shard's, without "shard" and with "shards", the files. Throws UsageError
// naming the files for an overlap of done cells, gaps, shards of different sweeps or baselines that
// are not the same bit for bit.
void merge_results(const std::vector<std::filesystem::path>& shards,
                   const std::filesystem::path& out,
                   IfExists if_exists);

}  // namespace headscope
