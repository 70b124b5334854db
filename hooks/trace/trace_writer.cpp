#include "hooks/trace/trace_writer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/ranges.h>
#include <unistd.h>

#include "hooks/stored/disk_space.h"
#include "hooks/stored/new_file.h"
#include "hooks/stored/open_file.h"
#include "hooks/trace/trace_file.h"
#include "hooks/trace/trace_repack.h"
#include "hooks/trace/trace_resume.h"
#include "hooks/trace/values_io.h"
#include "hooks/trace/write_queue.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

std::uint64_t bytes_left(const TraceHeader& header, const std::vector<std::uint8_t>& done) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < header.prompts.size(); ++i) {
    for (const TraceDataset& dataset : header.datasets) {
      const auto length = static_cast<std::int64_t>(header.prompts[i].tokens.size());
      bytes += done[i] != 0 ? 0 : prompt_bytes(dataset, length);
    }
  }
  return bytes;
}

PosixFile create_trace(const fs::path& path, const TraceHeader& header, NewFile::Over over) {
  check_file_size_limit(path, bytes_to_write(header));
  check_free_space(path, bytes_left(header, std::vector<std::uint8_t>(header.prompts.size())));
  NewFile made(path);
  try {
    const auto lock = h5::lock_library();
    TraceSkeleton skeleton = create_trace_file(made.temporary(), header, 0);
    skeleton.file.close("close file");
    return made.publish(kTraceKind, skeleton.metadata_end, over);
  } catch (const h5::Failure& failure) {
    throw ResourceError("{}: cannot make it: {}", path.string(), failure.what());
  }
}

}  // namespace

struct TraceWriter::Impl {
  Impl(const fs::path& path, const TraceHeader& header, Options wanted) : options(wanted) {
    if (options.compress < 0 || options.compress > 9) {
      throw UsageError("compression level {} is not one of 0 to 9", options.compress);
    }
    const TraceHeader asked = completed(header);
    open(path, asked);
    TraceContents contents = open_trace_file(file);
    check_same_trace(path, asked, contents);
    check_free_space(path, bytes_left(asked, read_done_marks(file, contents)));
    take(std::move(contents));
    queue.emplace(options.buffer_bytes);
  }

  void open(const fs::path& path, const TraceHeader& asked) {
    file = open_to_resume(path, kTraceKind, options.if_exists);
    if (file.valid()) {
      return;
    }
    const bool replaces = options.if_exists == IfExists::replace;
    file = create_trace(path, asked, replaces ? NewFile::Over::replace : NewFile::Over::fail);
  }

  // Keeps what writing needs: not the prompts' texts and tokens, which may be many.
  void take(TraceContents contents) {
    is_compressed = contents.compressed();
    done_offset = contents.done_offset;
    const std::vector<std::uint8_t> marks = read_done_marks(file, contents);
    for (const Prompt& prompt : contents.prompts) {
      lengths.push_back(static_cast<std::int64_t>(prompt.tokens.size()));
    }
    datasets = std::move(contents.datasets);
    for (std::size_t i = 0; i < datasets.size(); ++i) {
      index_of_name[datasets[i].info.name] = i;
    }
    done = std::vector<std::atomic<std::uint8_t>>(lengths.size());
    for (std::size_t i = 0; i < marks.size(); ++i) {
      done[i] = marks[i];
      done_total += marks[i];
    }
  }

  // What to do about a write that failed with errno.
  [[noreturn]] void throw_unwritten() const {
    const int cause = errno;
    throw ResourceError(
        "{}: cannot write: {}; its {} finished prompts of {} are kept: {} and go on with --resume",
        file.path().string(),
        std::strerror(cause),
        done_total.load(),
        lengths.size(),
        remedy_for(cause));
  }

  std::size_t index_of(const std::string& name) const {
    const auto found = index_of_name.find(name);
    if (found != index_of_name.end()) {
      return found->second;
    }
    std::vector<std::string> names;
    for (const StoredDataset& dataset : datasets) {
      names.push_back(dataset.info.name);
    }
    throw UsageError("{}: not a dataset of this trace{}", name, did_you_mean(name, names));
  }

  void check_open(std::size_t prompt) {
    queue->check();
    if (prompt >= lengths.size()) {
      throw UsageError("prompt {}: the trace has {}, counted from 0", prompt, lengths.size());
    }
    if (done[prompt] != 0 || closed.contains(prompt)) {
      throw UsageError("prompt {} is finished already; skip those that done() names", prompt);
    }
    if (finished) {
      throw UsageError("{}: finish() was called; open it again to write", file.path().string());
    }
  }

  void check_size(const std::vector<std::size_t>& prompts,
                  const TraceDataset& dataset,
                  DType dtype,
                  std::size_t given) const;
  void write(const std::vector<std::size_t>& prompts,
             std::size_t index,
             DType dtype,
             HeldBytes values);
  void mark_done(const std::vector<std::size_t>& prompts);
  void sync() const;
  void compress();

  Options options;
  PosixFile file;
  std::vector<StoredDataset> datasets;
  std::unordered_map<std::string, std::size_t> index_of_name;
  std::vector<std::int64_t> lengths;  // of the prompts
  std::uint64_t done_offset = 0;
  bool is_compressed = false;
  bool finished = false;
  std::vector<std::atomic<std::uint8_t>> done;
  std::atomic<std::size_t> done_total{0};
  std::map<std::size_t, std::vector<bool>> open_prompts;  // which datasets have been queued
  std::map<std::size_t, bool> closed;                     // finish_prompt() was called
  std::optional<WriteQueue> queue;                        // last: its jobs use the rest
};

void TraceWriter::Impl::check_size(const std::vector<std::size_t>& prompts,
                                   const TraceDataset& dataset,
                                   DType dtype,
                                   std::size_t given) const {
  std::size_t expected = 0;
  for (const std::size_t prompt : prompts) {
    const Sizes shape = shape_at(dataset, lengths[prompt]);
    expected += static_cast<std::size_t>(product(shape)) * size_of(dtype);
  }
  if (given != expected) {
    const bool one = prompts.size() == 1;
    throw UsageError(
        "{}, {}: {} bytes of {} given, but {} {}",
        dataset.name,
        one ? fmt::format("prompt {}", prompts[0]) : fmt::format("{} prompts", prompts.size()),
        given,
        to_string(dtype),
        one ? fmt::format("[{}] takes", fmt::join(shape_at(dataset, lengths[prompts[0]]), ", "))
            : std::string("they take"),
        expected);
  }
}

void TraceWriter::Impl::write(const std::vector<std::size_t>& prompts,
                              std::size_t index,
                              DType dtype,
                              HeldBytes values) {
  const StoredDataset& dataset = datasets[index];
  check_size(prompts, dataset.info, dtype, values.size);
  std::vector<PromptSlot> slots;
  for (const std::size_t prompt : prompts) {
    std::vector<bool>& queued = open_prompts[prompt];
    queued.resize(datasets.size());
    if (queued[index]) {
      throw UsageError("{}, prompt {}: written twice", dataset.info.name, prompt);
    }
    queued[index] = true;
    slots.push_back({values_offset(dataset, prompt), lengths[prompt]});
  }
  const std::size_t bytes = values.size;
  queue->push(bytes, [this, &dataset, dtype, to = std::move(slots), held = std::move(values)] {
    if (!write_values(file, dataset.info, to, dtype, held.data)) {
      throw_unwritten();
    }
  });
}

void TraceWriter::Impl::mark_done(const std::vector<std::size_t>& prompts) {
  for (std::size_t i = 0; i < prompts.size();) {
    std::size_t run = 1;  // prompts that follow one another
    while (i + run < prompts.size() && prompts[i + run] == prompts[i] + run) {
      ++run;
    }
    const std::vector<std::uint8_t> marks(run, 1);
    if (!file.write(done_offset + prompts[i], marks.data(), run)) {
      throw_unwritten();
    }
    for (const std::size_t end = i + run; i < end; ++i) {
      done[prompts[i]] = 1;
      ++done_total;
    }
  }
}

void TraceWriter::Impl::sync() const {
  if (::fsync(file.descriptor()) != 0) {
    throw_unwritten();
  }
}

void TraceWriter::Impl::compress() {
  file = repack_trace(file, open_trace_file(file), options.compress);
  is_compressed = true;
}

TraceWriter::TraceWriter(const fs::path& path, const TraceHeader& header, Options options)
    : impl_(std::make_unique<Impl>(path, header, options)) {}

TraceWriter::~TraceWriter() = default;

bool TraceWriter::done(std::size_t prompt) const {
  if (prompt >= impl_->lengths.size()) {
    throw UsageError("prompt {}: the trace has {}, counted from 0", prompt, impl_->lengths.size());
  }
  return impl_->done[prompt] != 0;
}

std::size_t TraceWriter::done_count() const {
  return impl_->done_total;
}

HeldBytes held(std::vector<std::uint8_t> bytes) {
  const auto owner = std::make_shared<const std::vector<std::uint8_t>>(std::move(bytes));
  return {owner->data(), owner->size(), owner};
}

void TraceWriter::write(const std::vector<std::size_t>& prompts,
                        const std::string& dataset,
                        DType dtype,
                        HeldBytes values) {
  for (const std::size_t prompt : prompts) {
    impl_->check_open(prompt);
  }
  impl_->write(prompts, impl_->index_of(dataset), dtype, std::move(values));
}

void TraceWriter::write(std::size_t prompt,
                        const std::string& dataset,
                        DType dtype,
                        std::vector<std::uint8_t> values) {
  write(std::vector<std::size_t>{prompt}, dataset, dtype, held(std::move(values)));
}

void TraceWriter::finish_prompts(const std::vector<std::size_t>& prompts) {
  for (const std::size_t prompt : prompts) {
    impl_->check_open(prompt);
    const std::vector<bool>& queued = impl_->open_prompts[prompt];
    for (std::size_t i = 0; i < impl_->datasets.size(); ++i) {
      if (i >= queued.size() || !queued[i]) {
        throw UsageError("prompt {}: {} was never written", prompt, impl_->datasets[i].info.name);
      }
    }
  }
  impl_->queue->push(0, [impl = impl_.get(), prompts] { impl->mark_done(prompts); });
  for (const std::size_t prompt : prompts) {
    impl_->open_prompts.erase(prompt);
    impl_->closed[prompt] = true;
  }
}

void TraceWriter::finish_prompt(std::size_t prompt) {
  finish_prompts({prompt});
}

void TraceWriter::reopen(const std::vector<std::size_t>& prompts) {
  impl_->queue->drain();
  for (const std::size_t prompt : prompts) {
    const std::uint8_t not_done = 0;
    if (!done(prompt)) {
      continue;
    }
    if (!impl_->file.write(impl_->done_offset + prompt, &not_done, 1)) {
      impl_->throw_unwritten();
    }
    impl_->done[prompt] = not_done;
    impl_->closed.erase(prompt);
    --impl_->done_total;
  }
}

void TraceWriter::flush() {
  impl_->queue->drain();
  impl_->sync();
}

void TraceWriter::finish() {
  flush();
  impl_->finished = true;
  const bool complete = impl_->done_total == impl_->lengths.size();
  if (complete && impl_->options.compress > 0 && !impl_->is_compressed) {
    impl_->compress();
  }
}

}  // namespace headscope
