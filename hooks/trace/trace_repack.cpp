#include "hooks/trace/trace_repack.h"

#include "hooks/stored/h5/dataset.h"
#include "hooks/stored/new_file.h"
#include "hooks/trace/chunk_codec.h"
#include "hooks/trace/chunk_grid.h"
#include "hooks/trace/values_io.h"
#include "lib/base/error.h"
#include "lib/base/parallel.h"

namespace headscope {
namespace {

constexpr std::size_t kBatchBytes = 64u << 20;  // unpacked chunks in memory at once

// A chunk to pack: where it begins (with the prompt's index) and what fills it.
struct Task {
  std::size_t prompt = 0;
  Sizes begin;
  Region box;
  std::vector<std::uint8_t> packed;
};

class Repack {
 public:
  Repack(const PosixFile& file, const TraceContents& contents, int level)
      : file_(file), contents_(contents), level_(level) {}

  void copy(const StoredDataset& dataset, hid_t target) {
    const Sizes chunk = chunk_shape(dataset.info);
    const std::size_t bytes =
        static_cast<std::size_t>(product(chunk)) * size_of(dataset.info.dtype);
    const h5::Dataset made = h5::open_dataset(target, dataset.link);
    std::vector<Task> batch;
    for (std::size_t prompt = 0; prompt < contents_.prompts.size(); ++prompt) {
      for_each_chunk(
          used_region(dataset, prompt), chunk, [&](const Sizes& begin, const Region& box) {
            batch.push_back({prompt, begin, box, {}});
            if (batch.size() * bytes >= kBatchBytes) {
              flush(dataset, chunk, made, batch);
            }
          });
    }
    flush(dataset, chunk, made, batch);
  }

 private:
  // Chunks past the prompt's length stay unwritten: HDF5 reads them as zeros.
  [[nodiscard]] Region used_region(const StoredDataset& dataset, std::size_t prompt) const {
    const auto length = static_cast<std::int64_t>(contents_.prompts[prompt].tokens.size());
    return {
        dataset.info.shape, Sizes(dataset.info.shape.size(), 0), shape_at(dataset.info, length)};
  }

  void flush(const StoredDataset& dataset,
             const Sizes& chunk,
             const h5::Dataset& made,
             std::vector<Task>& batch) {
    parallel_for(static_cast<std::int64_t>(batch.size()), 1, [&](std::int64_t i, std::int64_t) {
      pack(dataset, chunk, batch[static_cast<std::size_t>(i)]);
    });
    for (const Task& task : batch) {
      h5::Dims begin{task.prompt};
      begin.insert(begin.end(), task.begin.begin(), task.begin.end());
      h5::write_chunk(made, begin, task.packed);
    }
    batch.clear();
  }

  void pack(const StoredDataset& dataset, const Sizes& chunk, Task& task) const {
    const std::size_t size = size_of(dataset.info.dtype);
    const std::vector<std::uint8_t> values =
        read_region(file_, values_offset(dataset, task.prompt), size, task.box);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(product(chunk)) * size, 0);
    const Sizes zero(chunk.size(), 0);
    copy_box(
        values.data(), {task.box.count, zero}, bytes.data(), {chunk, zero}, task.box.count, size);
    task.packed = pack_chunk(bytes, size, level_);
  }

  const PosixFile& file_;
  const TraceContents& contents_;
  int level_;
};

TraceHeader header_of(const TraceContents& contents) {
  TraceHeader header{contents.provenance, contents.prompts, {}};
  for (const StoredDataset& dataset : contents.datasets) {
    header.datasets.push_back(dataset.info);
  }
  return header;
}

}  // namespace

PosixFile repack_trace(const PosixFile& file, const TraceContents& contents, int level) {
  const std::string path = file.path().string();
  NewFile made(file.path());
  try {
    const auto lock = h5::lock_library();
    TraceSkeleton skeleton = create_trace_file(made.temporary(), header_of(contents), level);
    Repack repack(file, contents, level);
    for (const StoredDataset& dataset : contents.datasets) {
      repack.copy(dataset, skeleton.file.id());
    }
    skeleton.file.close("close file");
    return made.publish(kTraceKind, skeleton.metadata_end, NewFile::Over::replace);
  } catch (const h5::Failure& failure) {
    throw ResourceError("{}: cannot compress ({}); the trace is complete and kept uncompressed",
                        path,
                        failure.what());
  }
}

}  // namespace headscope
