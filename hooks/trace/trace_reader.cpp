#include "hooks/trace/trace_reader.h"

#include <algorithm>
#include <map>

#include <fcntl.h>
#include <fmt/ranges.h>

#include "hooks/stored/h5/dataset.h"
#include "hooks/trace/chunk_codec.h"
#include "hooks/trace/chunk_grid.h"
#include "hooks/trace/trace_file.h"
#include "hooks/trace/values_io.h"
#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/base/json.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

// What read() returns before it knows the values: the box to read and the axes left of it.
struct Wanted {
  Region box;
  std::vector<std::string> axes;
  Sizes shape;
};

Wanted wanted_of(const TraceDataset& dataset, std::int64_t length, std::int64_t head) {
  Wanted wanted;
  wanted.box = {dataset.shape, Sizes(dataset.shape.size(), 0), shape_at(dataset, length)};
  bool has_head = false;
  for (std::size_t i = 0; i < dataset.shape.size(); ++i) {
    const std::string& axis = dataset.axes[i + 1];
    if (head >= 0 && is_head_axis(axis)) {
      if (head >= dataset.shape[i]) {
        throw UsageError(
            "{}: no head {}; it has heads 0 to {}", dataset.name, head, dataset.shape[i] - 1);
      }
      wanted.box.begin[i] = head;
      wanted.box.count[i] = 1;
      has_head = true;
      continue;
    }
    wanted.axes.push_back(axis);
    wanted.shape.push_back(wanted.box.count[i]);
  }
  if (head >= 0 && !has_head) {
    throw UsageError("{}: has no heads, only {}; leave the head out",
                     dataset.name,
                     fmt::join(dataset.axes, ", "));
  }
  return wanted;
}

std::vector<float> widened(const std::vector<std::uint8_t>& bytes, DType dtype) {
  std::vector<float> values(bytes.size() / size_of(dtype));
  convert(bytes.data(), dtype, values.data(), DType::f32, values.size());
  return values;
}

}  // namespace

struct TraceReader::Impl {
  explicit Impl(const std::filesystem::path& path) : file(open_trace_to_read(path)) {
    contents = open_trace_file(file);
    for (const StoredDataset& dataset : contents.datasets) {
      infos.push_back(dataset.info);
    }
    done = read_done_marks(file, contents);
    if (contents.compressed()) {
      opened = open_for_chunks();
    }
  }

  void check_done(std::size_t prompt) const {
    check_prompt(prompt);
    if (done[prompt] == 0) {
      throw DataError("{}: prompt {} was not finished; record the rest with --resume",
                      file.path().string(),
                      prompt);
    }
  }

  [[nodiscard]] PromptSlot slot_of(const StoredDataset& dataset, std::size_t prompt) const {
    const auto length = static_cast<std::int64_t>(contents.prompts[prompt].tokens.size());
    return {dataset.chunk.empty() ? values_offset(dataset, prompt) : 0, length};
  }

  [[nodiscard]] std::vector<PromptSlot> slots_of(const StoredDataset& dataset,
                                                 PromptRange prompts) const {
    std::vector<PromptSlot> slots;
    for (std::size_t prompt = prompts.first; prompt < prompts.first + prompts.count; ++prompt) {
      check_done(prompt);
      slots.push_back(slot_of(dataset, prompt));
    }
    return slots;
  }

  [[nodiscard]] h5::File open_for_chunks() const {
    const auto lock = h5::lock_library();
    try {
      return h5::open_file(file.path());
    } catch (const h5::Failure& failure) {
      throw DataError("{}: {}", file.path().string(), failure.what());
    }
  }

  [[nodiscard]] std::size_t index_of(const std::string& name) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < infos.size(); ++i) {
      if (infos[i].name == name) {
        return i;
      }
      names.push_back(infos[i].name);
    }
    throw UsageError("{}: not recorded in {}{} (headscope inspect lists what is)",
                     name,
                     file.path().string(),
                     did_you_mean(name, names));
  }

  void check_prompt(std::size_t prompt) const {
    if (prompt >= contents.prompts.size()) {
      throw UsageError("{}: no prompt {}; it has prompts 0 to {}",
                       file.path().string(),
                       prompt,
                       contents.prompts.size() - 1);
    }
  }

  [[nodiscard]] std::vector<std::uint8_t> read(const StoredDataset& dataset,
                                               std::size_t prompt,
                                               const Region& box) const;
  [[nodiscard]] std::vector<std::uint8_t> read_chunk(const StoredDataset& dataset,
                                                     const h5::Dataset& chunks,
                                                     std::size_t prompt,
                                                     const Sizes& begin) const;

  PosixFile file;
  TraceContents contents;
  std::vector<TraceDataset> infos;
  std::vector<std::uint8_t> done;
  h5::File opened;  // of a compressed trace
};

std::vector<std::uint8_t> TraceReader::Impl::read_chunk(const StoredDataset& dataset,
                                                        const h5::Dataset& chunks,
                                                        std::size_t prompt,
                                                        const Sizes& begin) const {
  const std::size_t size = size_of(dataset.info.dtype);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(product(dataset.chunk)) * size);
  h5::Dims at{prompt};
  at.insert(at.end(), begin.begin(), begin.end());
  if (!unpack_chunk(h5::read_chunk(chunks, at), size, bytes)) {
    throw DataError("{}: {} of prompt {} is damaged; record it again",
                    file.path().string(),
                    dataset.info.name,
                    prompt);
  }
  return bytes;
}

std::vector<std::uint8_t> TraceReader::Impl::read(const StoredDataset& dataset,
                                                  std::size_t prompt,
                                                  const Region& box) const {
  const std::size_t size = size_of(dataset.info.dtype);
  if (dataset.chunk.empty()) {
    return read_region(file, values_offset(dataset, prompt), size, box);
  }
  std::vector<std::uint8_t> packed(static_cast<std::size_t>(product(box.count)) * size);
  const auto lock = h5::lock_library();
  try {
    const h5::Dataset chunks = h5::open_dataset(opened.id(), dataset.link);
    for_each_chunk(box, dataset.chunk, [&](const Sizes& begin, const Region& part) {
      const std::vector<std::uint8_t> bytes = read_chunk(dataset, chunks, prompt, begin);
      Corner source{dataset.chunk, part.begin};
      Corner target{box.count, part.begin};
      for (std::size_t axis = 0; axis < begin.size(); ++axis) {
        source.begin[axis] -= begin[axis];
        target.begin[axis] -= box.begin[axis];
      }
      copy_box(bytes.data(), source, packed.data(), target, part.count, size);
    });
  } catch (const h5::Failure& failure) {
    throw DataError("{}: {}: {}", file.path().string(), dataset.info.name, failure.what());
  }
  return packed;
}

TraceReader::TraceReader(const std::filesystem::path& path) : impl_(std::make_unique<Impl>(path)) {}

TraceReader::~TraceReader() = default;

const Json& TraceReader::provenance() const {
  return impl_->contents.provenance;
}

std::size_t TraceReader::prompt_count() const {
  return impl_->contents.prompts.size();
}

const std::vector<Prompt>& TraceReader::prompts() const {
  return impl_->contents.prompts;
}

const Prompt& TraceReader::prompt(std::size_t index) const {
  impl_->check_prompt(index);
  return impl_->contents.prompts[index];
}

bool TraceReader::done(std::size_t prompt) const {
  impl_->check_prompt(prompt);
  return impl_->done[prompt] != 0;
}

bool TraceReader::complete() const {
  return std::ranges::all_of(impl_->done, [](std::uint8_t mark) { return mark != 0; });
}

const std::vector<TraceDataset>& TraceReader::datasets() const {
  return impl_->infos;
}

const TraceDataset& TraceReader::dataset(const std::string& name) const {
  return impl_->infos[impl_->index_of(name)];
}

TraceReader::Values TraceReader::read(const std::string& dataset,
                                      std::size_t prompt,
                                      std::int64_t head) const {
  const StoredDataset& stored = impl_->contents.datasets[impl_->index_of(dataset)];
  impl_->check_done(prompt);
  const auto length = static_cast<std::int64_t>(impl_->contents.prompts[prompt].tokens.size());
  Wanted wanted = wanted_of(stored.info, length, head);
  const std::vector<std::uint8_t> bytes = impl_->read(stored, prompt, wanted.box);
  return {std::move(wanted.axes), std::move(wanted.shape), widened(bytes, stored.info.dtype)};
}

void TraceReader::read_stored(const std::string& dataset,
                              PromptRange prompts,
                              std::vector<std::uint8_t>& bytes) const {
  const StoredDataset& stored = impl_->contents.datasets[impl_->index_of(dataset)];
  const std::vector<PromptSlot> slots = impl_->slots_of(stored, prompts);
  std::size_t elements = 0;
  for (const PromptSlot& slot : slots) {
    elements += static_cast<std::size_t>(product(shape_at(stored.info, slot.length)));
  }
  bytes.resize(elements * size_of(stored.info.dtype));
  if (stored.chunk.empty()) {
    read_values(impl_->file, stored.info, slots, bytes.data());
    return;
  }
  std::uint8_t* to = bytes.data();
  for (std::size_t i = 0; i < prompts.count; ++i) {
    const Wanted wanted = wanted_of(stored.info, slots[i].length, -1);
    const std::vector<std::uint8_t> own = impl_->read(stored, prompts.first + i, wanted.box);
    to = std::ranges::copy(own, to).out;
  }
}

bool TraceReader::in_one_piece(const std::string& dataset) const {
  return impl_->contents.datasets[impl_->index_of(dataset)].chunk.empty();
}

void TraceReader::read_rows(const std::string& dataset,
                            PromptRange prompts,
                            std::span<std::uint8_t* const> rows) const {
  const StoredDataset& stored = impl_->contents.datasets[impl_->index_of(dataset)];
  headscope::read_rows(impl_->file, stored.info, impl_->slots_of(stored, prompts), rows);
}

void TraceReader::will_read(const std::string& dataset, PromptRange prompts) const {
  const StoredDataset& stored = impl_->contents.datasets[impl_->index_of(dataset)];
  if (stored.chunk.empty() && prompts.count > 0) {
    impl_->check_prompt(prompts.first + prompts.count - 1);
    const std::uint64_t begin = values_offset(stored, prompts.first);
    const std::uint64_t end = values_offset(stored, prompts.first + prompts.count);
    start_reading(impl_->file, begin, end - begin);
  }
}

}  // namespace headscope
