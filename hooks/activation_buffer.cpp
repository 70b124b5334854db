#include "hooks/activation_buffer.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include <sys/mman.h>

#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::size_t kBlocksAhead = 4;        // that the disk is asked for before they are read
constexpr std::uintptr_t kHugePage = 2 << 20;  // bytes

// Memory that is first touched row by row, all over: few large pages instead of many small ones. A
// hint.
void ask_for_large_pages(const Tensor& tensor) {
  const auto begin = reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr());
  const std::uintptr_t first = (begin + kHugePage - 1) / kHugePage * kHugePage;
  const std::uintptr_t end = (begin + tensor.nbytes()) / kHugePage * kHugePage;
  if (first < end) {
    ::madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
  }
}

// Rows for `rows` rows: those of before, if they are large enough and nobody keeps a view of them.
Tensor room_for(const Tensor& before, std::int64_t rows, std::int64_t width, DType dtype) {
  if (before.defined() && before.size(0) >= rows && before.storage().use_count() == 1) {
    return before;
  }
  Tensor room = at::empty({rows, width}, at::TensorOptions(to_torch(dtype)));
  ask_for_large_pages(room);
  return room;
}

// Calls `work` on `count` threads, this one among them. Rethrows the first exception.
void on_threads(int count, const std::function<void()>& work) {
  std::mutex mutex;
  std::exception_ptr failure;
  const auto guarded = [&] {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = failure ? failure : std::current_exception();
    }
  };
  std::vector<std::jthread> others;
  for (int i = 1; i < count; ++i) {
    others.emplace_back(guarded);
  }
  guarded();
  others.clear();  // joins
  if (failure) {
    std::rethrow_exception(failure);
  }
}

// A part that is being filled, by several threads: each block's rows have places of their own.
class PartFill {
 public:
  PartFill(ActivationPart& part,
           const PartPlan& plan,
           const ActivationRows& rows,
           ActivationSource& source,
           DType dtype)
      : part_(part), plan_(plan), rows_(rows), source_(source), dtype_(dtype) {
    std::int64_t begin = 0;
    for (const RowBlock& block : plan.pool.blocks) {
      begins_.push_back(begin);
      begin += block.rows;
    }
  }

  // Takes blocks until none is left, or another thread failed.
  void work() {
    for (std::size_t block = next_++; block < begins_.size(); block = next_++) {
      try {
        announce(block);
        fill(block);
      } catch (...) {
        next_ = begins_.size();
        throw;
      }
    }
  }

 private:
  // Announces the blocks from the one that is read on, each once, into the part after this one.
  void announce(std::size_t block) {
    const std::size_t all = begins_.size() + (plan_.after ? plan_.after->blocks.size() : 0);
    const std::size_t end = std::min(block + 1 + kBlocksAhead, all);
    std::size_t from = 0;
    {
      const std::lock_guard lock(mutex_);
      from = std::max(announced_, block + 1);
      announced_ = std::max(announced_, end);
    }
    for (; from < end; ++from) {
      source_.will_read(from < begins_.size() ? plan_.pool.blocks[from]
                                              : plan_.after->blocks[from - begins_.size()]);
    }
  }

  void fill(std::size_t index) {
    const RowBlock& block = plan_.pool.blocks[index];
    RowTargets to{.dtype = dtype_};
    to.rows.resize(static_cast<std::size_t>(block.tokens), RowTargets::kNowhere);
    auto at = static_cast<std::size_t>(begins_[index]);  // in the pool's order
    rows_.for_each(block, [&](const RowPlace& place, std::int64_t token) {
      const std::int64_t row = plan_.pool.order[at++];
      part_.rows[static_cast<std::size_t>(row)] = place;
      to.rows[static_cast<std::size_t>(token)] = row;
    });
    for (const Tensor& values : part_.values) {
      to.points.push_back(static_cast<std::uint8_t*>(values.mutable_data_ptr()));
    }
    source_.read(block, to);
  }

  ActivationPart& part_;
  const PartPlan& plan_;
  const ActivationRows& rows_;
  ActivationSource& source_;
  DType dtype_;
  std::vector<std::int64_t> begins_;  // of each block in the pool's order
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::size_t announced_ = 0;
};

}  // namespace

void fill_part(ActivationPart& part,
               const PartPlan& plan,
               const ActivationRows& rows,
               ActivationSource& source,
               const FillOptions& options) {
  const std::vector<ActivationPoint>& points = source.points();
  part.values.resize(points.size());
  for (std::size_t point = 0; point < points.size(); ++point) {
    part.values[point] = room_for(
        part.values[point], std::ssize(plan.pool.order), points[point].width, options.dtype);
  }
  part.rows.resize(plan.pool.order.size());
  PartFill fill(part, plan, rows, source, options.dtype);
  const bool by_several = source.readable_by() == ReadableBy::threads;
  on_threads(by_several ? options.readers : 1, [&] { fill.work(); });
}

PartReader::PartReader(std::function<bool(ActivationPart&)> fill)
    : fill_(std::move(fill)), thread_([this] { work(); }) {}

PartReader::~PartReader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PartReader::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !ready_; });
    if (stopping_) {
      return;
    }
    ActivationPart part = std::exchange(spare_, std::nullopt).value_or(ActivationPart{});
    lock.unlock();
    bool filled = false;
    std::exception_ptr failure;
    try {
      filled = fill_(part);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (!filled) {
      failure_ = failure;
      ended_ = true;
      changed_.notify_all();
      return;
    }
    ready_ = std::move(part);
    changed_.notify_all();
  }
}

std::optional<ActivationPart> PartReader::next(ActivationPart used) {
  std::unique_lock lock(mutex_);
  if (!used.values.empty()) {
    spare_ = std::move(used);
  }
  changed_.wait(lock, [&] { return ready_ || ended_; });
  if (!ready_ && failure_) {
    std::rethrow_exception(failure_);
  }
  std::optional<ActivationPart> part = std::exchange(ready_, std::nullopt);
  changed_.notify_all();
  return part;
}

}  // namespace headscope
