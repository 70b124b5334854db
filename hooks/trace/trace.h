// The trace file, format "headscope-trace" version 1 (data/TRACE_FORMAT.md): what was recorded of a
// model on a list of prompts. Free of Torch; arrays go in and out as raw row-major bytes.
//
// How it survives kill -9: the number of prompts and the longest one are known before the first
// forward pass, so every dataset is created at its final size, contiguous and unwritten (a hole in a
// sparse file), and HDF5 closes the file before recording starts. From then on a writer thread
// writes plain bytes at the offsets HDF5 gave; no metadata ever changes. A prompt's byte in /done is
// written last. So the file is a whole HDF5 file at any moment, and /done says what is in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/dtype.h"
#include "lib/base/json.h"

namespace headscope {

// A half-open range of token positions, [begin, end).
struct Span {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool operator==(const Span&) const = default;
};

struct TracePrompt {
  std::string id;
  std::string text;                   // as given, or decoded from the tokens
  std::vector<std::int32_t> tokens;   // as run, with BOS if one was prepended
  std::map<std::string, Span> spans;  // positions in `tokens`
};

// One recorded hook point: /activations/<name>. `axes` begins with "prompt"; those named "pos",
// "query" or "key" are ragged (a prompt of length L fills [0, L) of them); the rest are fixed.
struct TraceDataset {
  std::string name;               // "blocks.3.attn.hook_pattern"
  std::vector<std::string> axes;  // {"prompt", "head", "query", "key"}
  std::vector<std::int64_t> shape;  // sizes after "prompt"; ragged axes 0, filled in by the writer
  DType dtype = DType::f32;         // as stored
  bool operator==(const TraceDataset&) const = default;
};

struct TraceHeader {
  Json provenance;  // model, weights hash, config, tokenizer hash, command line, version, seed, …
  std::vector<TracePrompt> prompts;
  std::vector<TraceDataset> datasets;  // of /activations, and /logits/last or /logits/all
};

enum class IfExists { fail, resume, replace };

class TraceWriter {
 public:
  struct Options {
    IfExists if_exists = IfExists::fail;
    std::size_t buffer_bytes = 256u << 20;  // what may wait for the disk; write() blocks beyond it
    int compress = 0;                       // deflate level 0–9 of the finished file
  };

  // Creates the file (under a temporary name, then renamed) or opens it to resume. Resuming a file
  // whose prompts, datasets or `provenance["identity"]` differ is a UsageError that says which.
  // Not enough free disk for the whole trace is a ResourceError, before anything is written.
  TraceWriter(const std::filesystem::path& path, const TraceHeader& header, Options options);
  ~TraceWriter();  // waits for queued writes, swallowing errors; call finish() to see them

  [[nodiscard]] bool done(std::size_t prompt) const;
  [[nodiscard]] std::size_t done_count() const;

  // Queues the values of one prompt: row-major, the dataset's axes after "prompt" with the ragged
  // ones at the prompt's own length, elements of `dtype` (converted to the stored one by the
  // writer thread). Rethrows an earlier failure of the writer thread (full disk: ResourceError).
  void write(std::size_t prompt,
             const std::string& dataset,
             DType dtype,
             std::vector<std::uint8_t> values);

  // Every dataset of `prompt` has been queued: marks it done once they are on their way to disk.
  void finish_prompt(std::size_t prompt);

  // Waits for the queue, syncs to disk, compresses if asked; throws what the writer thread hit.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class TraceReader {
 public:
  // Throws DataError naming the path: not HDF5, not a trace, another version, truncated.
  explicit TraceReader(const std::filesystem::path& path);
  ~TraceReader();

  [[nodiscard]] const Json& provenance() const;
  [[nodiscard]] std::size_t prompt_count() const;
  [[nodiscard]] const TracePrompt& prompt(std::size_t index) const;  // UsageError out of range
  [[nodiscard]] bool done(std::size_t prompt) const;
  [[nodiscard]] bool complete() const;
  [[nodiscard]] const std::vector<TraceDataset>& datasets() const;  // shapes filled in, at T_max
  [[nodiscard]] const TraceDataset& dataset(const std::string& name) const;  // UsageError, with near names

  // One prompt's values as f32, row-major, ragged axes cut to the prompt's length. With `head` ≥ 0
  // only that index of the "head" axis is read from disk (and dropped from the result's shape).
  // A prompt not done is a DataError.
  struct Values {
    std::vector<std::string> axes;
    std::vector<std::int64_t> shape;
    std::vector<float> values;
  };
  [[nodiscard]] Values read(const std::string& dataset,
                            std::size_t prompt,
                            std::int64_t head = -1) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headscope
