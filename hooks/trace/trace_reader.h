// Reads a trace, whole or not, one prompt or one head at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hooks/trace/trace_schema.h"

namespace headscope {

class TraceReader {
 public:
  // Throws DataError naming the path: not HDF5, not a trace, another version, truncated.
  explicit TraceReader(const std::filesystem::path& path);
  ~TraceReader();

  [[nodiscard]] const Json& provenance() const;
  [[nodiscard]] std::size_t prompt_count() const;
  [[nodiscard]] const std::vector<Prompt>& prompts() const;
  [[nodiscard]] const Prompt& prompt(std::size_t index) const;  // UsageError out of range
  [[nodiscard]] bool done(std::size_t prompt) const;
  [[nodiscard]] bool complete() const;
  [[nodiscard]] const std::vector<TraceDataset>& datasets() const;  // shapes filled in, at T_max
  [[nodiscard]] const TraceDataset& dataset(
      const std::string& name) const;  // UsageError, with near names

  // One prompt's values as f32, row-major, ragged axes cut to the prompt's length. With `head` ≥ 0
  // only that index of the "head" (or "kv_head") axis is read from disk (and dropped from the
  // result's shape). A prompt not done is a DataError.
  struct Values {
    std::vector<std::string> axes;
    std::vector<std::int64_t> shape;
    std::vector<float> values;
  };
  [[nodiscard]] Values read(const std::string& dataset,
                            std::size_t prompt,
                            std::int64_t head = -1) const;

  // Fills `bytes` with the values of the prompts [first, first + count) one after another, each
  // with its ragged axes cut to its length, in the dtype of the dataset: what dataset() says, not
  // widened. Neighbours cost one read, so ask for many. DataError for a prompt that is not done.
  struct PromptRange {
    std::size_t first = 0;
    std::size_t count = 0;
  };
  void read_stored(const std::string& dataset,
                   PromptRange prompts,
                   std::vector<std::uint8_t>& bytes) const;

  // Whether the values of a dataset lie in the file as they are, not in compressed chunks.
  [[nodiscard]] bool in_one_piece(const std::string& dataset) const;

  // Of a dataset in one piece with a row a token (axes prompt, pos and others of fixed size): puts
  // the rows of the prompts' tokens, as stored, straight to `rows`, one address a token, null for
  // one that is not wanted. DataError for a prompt that is not done.
  void read_rows(const std::string& dataset,
                 PromptRange prompts,
                 std::span<std::uint8_t* const> rows) const;

  // Lets the disk begin to read what read_stored() will be asked for, without waiting for it.
  void will_read(const std::string& dataset, PromptRange prompts) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headscope
