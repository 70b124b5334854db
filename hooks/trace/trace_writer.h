// Writes a trace while a model runs; see hooks/trace/trace.h for how it survives a kill.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hooks/stored/if_exists.h"
#include "hooks/trace/trace_schema.h"

namespace headscope {

// Bytes on their way to the disk; `owner` keeps them alive and unchanged until they are written.
struct HeldBytes {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  std::shared_ptr<const void> owner = {};
};

HeldBytes held(std::vector<std::uint8_t> bytes);

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

  // Queues the values of some prompts, one prompt's after the other's: each row-major, the
  // dataset's axes after "prompt" with the ragged ones at the prompt's own length, elements of
  // `dtype` (converted to the stored one by the writer thread). Prompts that follow one another in
  // the trace cost one write together, so hand over a batch at once and in ascending order.
  // Rethrows an earlier failure of the writer thread (full disk: ResourceError).
  void write(const std::vector<std::size_t>& prompts,
             const std::string& dataset,
             DType dtype,
             HeldBytes values);
  void write(std::size_t prompt,
             const std::string& dataset,
             DType dtype,
             std::vector<std::uint8_t> values);

  // Every dataset of these prompts has been queued: marks them done once they are on their way to
  // disk.
  void finish_prompts(const std::vector<std::size_t>& prompts);
  void finish_prompt(std::size_t prompt);

  // Takes the mark of those that are done away, so that they may be written again.
  void reopen(const std::vector<std::size_t>& prompts);

  // Waits until all that was queued is on disk; throws what the writer thread hit.
  void flush();

  // Waits for the queue, syncs to disk, compresses if asked; throws what the writer thread hit.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headscope
