#include "hooks/activation_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "hooks/activation_buffer.h"
#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kBlockBytes = 4
                                     << 20;  // of the widest point: long reads, many blocks a part
constexpr std::int64_t kBlocksAtLeast = 8;   // in a part, so that it mixes
constexpr int kMostReaders = 16;
constexpr std::int64_t kRowBookkeeping = 64;  // bytes a row: its place, its order

std::int64_t bytes_of_row(const ActivationSource& source, DType dtype) {
  std::int64_t bytes = kRowBookkeeping;
  for (const ActivationPoint& point : source.points()) {
    bytes += point.width * static_cast<std::int64_t>(size_of(dtype));
  }
  return bytes;
}

std::int64_t part_rows_of(const ActivationSource& source, const ActivationStreamOptions& options) {
  return static_cast<std::int64_t>(options.buffer_bytes / 2) / bytes_of_row(source, options.dtype);
}

std::int64_t block_rows_of(const ActivationSource& source, const ActivationStreamOptions& options) {
  std::int64_t widest = 1;
  for (const ActivationPoint& point : source.points()) {
    widest = std::max(widest, point.width);
  }
  const std::int64_t long_read = kBlockBytes / (widest * std::int64_t{sizeof(float)});
  const std::int64_t part = options.first_rows > 0
                                ? std::min(options.first_rows, part_rows_of(source, options))
                                : part_rows_of(source, options);
  return std::max<std::int64_t>(1, std::min(long_read, part / kBlocksAtLeast));
}

void check_stream_options(const ActivationStreamOptions& options) {
  if (options.hooks.empty()) {
    throw UsageError("a stream of activations needs a hook point; name one or more");
  }
  if (!options.rows) {
    throw UsageError("a stream of activations needs a filter of rows; all_positions() takes all");
  }
  if (options.batch_rows < 1 || options.epochs < 1 || options.batch_tokens < 1) {
    throw UsageError("batch_rows {}, epochs {}, batch_tokens {}: each must be at least 1",
                     options.batch_rows,
                     options.epochs,
                     options.batch_tokens);
  }
  if (options.readers < 1 || options.readers > kMostReaders) {
    throw UsageError("readers {}: a stream has 1 to {}", options.readers, kMostReaders);
  }
}

// Torch would wake its threads for this, which spin on for longer than they copy.
void copy_rows(const Tensor& from, const Tensor& to, std::int64_t at) {
  const Tensor place = to.narrow(0, at, from.size(0));
  std::memcpy(place.mutable_data_ptr(), from.const_data_ptr(), from.nbytes());
}

// The same in memory of their own, with room for `rows`.
Tensor moved_out(const Tensor& values, std::int64_t rows) {
  Tensor own = at::empty({rows, values.size(1)}, values.options());
  copy_rows(values, own, 0);
  return own;
}

}  // namespace

struct ActivationStream::Impl {
  Impl(std::unique_ptr<ActivationSource> from, Options wanted)
      : source(std::move(from)),
        options(std::move(wanted)),
        rows(source->prompts(), options.rows, block_rows_of(*source, options)),
        part_rows(part_rows_of(*source, options)) {
    if (rows.total() == 0) {
      throw UsageError("no row is left: the filter takes no token of any prompt");
    }
    if (rows.largest_block() > part_rows) {
      const std::int64_t least = 2 * rows.largest_block() * bytes_of_row(*source, options.dtype);
      throw UsageError("buffer_bytes {}: too small for the longest prompt; give at least {} ({})",
                       options.buffer_bytes,
                       least,
                       format_bytes(least));
    }
  }

  void make_pools(std::int64_t of_epoch) {
    pools = epoch_pools(rows,
                        {.order = options.order,
                         .pool_rows = part_rows,
                         .first_rows = of_epoch == 0 ? options.first_rows : 0,
                         .seed = options.seed},
                        of_epoch);
  }

  // In the reader's thread.
  bool fill(ActivationPart& next) {
    if (pool == pools.size()) {
      if (epoch + 1 == options.epochs) {
        return false;
      }
      ++epoch;
      make_pools(epoch);
      pool = 0;
    }
    RowPool now = std::move(pools[pool]);
    shuffle_pool(now, options.order, options.seed, epoch, pool);
    const RowPool* after = pool + 1 < pools.size() ? &pools[pool + 1] : nullptr;
    fill_part(next, {now, after}, rows, *source, {options.dtype, options.readers});
    next.epoch = epoch;
    next.ends_epoch = ++pool == pools.size();
    return true;
  }

  [[nodiscard]] std::int64_t batches_per_epoch() const {
    const std::int64_t whole = rows.total() / options.batch_rows;
    const bool more =
        options.last_batch == LastBatch::keep && rows.total() % options.batch_rows > 0;
    return whole + (more ? 1 : 0);
  }
  void skip(std::int64_t batches);
  std::optional<ActivationBatch> next();
  bool go_to_rows(ActivationBatch& batch);
  void take(ActivationBatch& batch);

  std::unique_ptr<ActivationSource> source;
  Options options;
  ActivationRows rows;
  std::int64_t part_rows;

  // Of the reader's thread.
  std::vector<RowPool> pools;
  std::size_t pool = 0;
  std::int64_t epoch = -1;

  // Of the caller's.
  ActivationPart part;
  std::int64_t used = 0;     // of the part's rows
  std::int64_t skipped = 0;  // rows of the first part that is read, passed over

  std::optional<PartReader> reader;  // last: its thread uses the rest
};

// Makes sure that the part has rows that are not used; false where the batch ends before.
bool ActivationStream::Impl::go_to_rows(ActivationBatch& batch) {
  if (used < part.size()) {
    return true;
  }
  if (!batch.rows.empty()) {
    if (part.ends_epoch) {
      return false;
    }
    for (Tensor& value : batch.values) {
      if (value.size(0) < options.batch_rows) {  // a view of memory that is about to serve again
        value = moved_out(value, options.batch_rows);
      }
    }
  }
  std::optional<ActivationPart> following = reader->next(std::exchange(part, {}));
  used = std::exchange(skipped, 0);
  if (following) {
    part = std::move(*following);
  }
  return following.has_value();
}

// Adds to the batch what it lacks and the part has.
void ActivationStream::Impl::take(ActivationBatch& batch) {
  const std::int64_t lacks = options.batch_rows - std::ssize(batch.rows);
  const std::int64_t some = std::min(lacks, part.size() - used);
  for (std::size_t point = 0; point < part.values.size(); ++point) {
    const Tensor own = part.values[point].narrow(0, used, some);
    if (batch.rows.empty()) {
      batch.values.push_back(own);
    } else {
      copy_rows(own, batch.values[point], std::ssize(batch.rows));
    }
  }
  const auto begin = part.rows.begin() + used;
  batch.rows.insert(batch.rows.end(), begin, begin + some);
  batch.epoch = part.epoch;
  used += some;
}

// Goes to the part in which the first batch that is not skipped begins.
void ActivationStream::Impl::skip(std::int64_t batches) {
  const std::int64_t per_epoch = batches_per_epoch();
  if (reader || batches < 0 || per_epoch == 0 || batches / per_epoch >= options.epochs) {
    throw UsageError("a stream of {} batches an epoch, {} epochs, cannot skip {}{}",
                     per_epoch,
                     options.epochs,
                     batches,
                     reader ? " after its first" : "");
  }
  epoch = batches / per_epoch;
  make_pools(epoch);
  skipped = batches % per_epoch * options.batch_rows;
  for (pool = 0; skipped >= rows_of(pools[pool]); ++pool) {
    skipped -= rows_of(pools[pool]);
  }
}

std::optional<ActivationBatch> ActivationStream::Impl::next() {
  if (!reader) {
    reader.emplace([this](ActivationPart& following) { return fill(following); });
  }
  for (;;) {
    ActivationBatch batch;
    while (std::ssize(batch.rows) < options.batch_rows && go_to_rows(batch)) {
      take(batch);
    }
    if (batch.rows.empty()) {
      return std::nullopt;
    }
    if (std::ssize(batch.rows) == options.batch_rows || options.last_batch == LastBatch::keep) {
      for (Tensor& value : batch.values) {
        value = value.narrow(0, 0, std::ssize(batch.rows));
      }
      return batch;
    }
  }
}

ActivationStream::ActivationStream(const std::vector<std::filesystem::path>& traces,
                                   Options options) {
  check_stream_options(options);
  auto source = activations_of_traces(traces, options.hooks);
  impl_ = std::make_unique<Impl>(std::move(source), std::move(options));
}

ActivationStream::ActivationStream(const Model& model,
                                   const std::vector<Prompt>& prompts,
                                   Options options) {
  check_stream_options(options);
  auto source = activations_of_model(model, prompts, options.hooks, options.batch_tokens);
  impl_ = std::make_unique<Impl>(std::move(source), std::move(options));
}

ActivationStream::~ActivationStream() = default;
ActivationStream::ActivationStream(ActivationStream&&) noexcept = default;
ActivationStream& ActivationStream::operator=(ActivationStream&&) noexcept = default;

void ActivationStream::skip(std::int64_t batches) {
  impl_->skip(batches);
}

std::optional<ActivationBatch> ActivationStream::next() {
  return impl_->next();
}

const std::vector<ActivationPoint>& ActivationStream::points() const {
  return impl_->source->points();
}

std::int64_t ActivationStream::rows_per_epoch() const {
  return impl_->rows.total();
}

}  // namespace headscope
