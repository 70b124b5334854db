#include "hooks/activation_buffer.h"

#include <utility>

#include "lib/base/half.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Rows for `rows` rows: those of before, if they are large enough and nobody keeps a view of them.
Tensor room_for(const Tensor& before, std::int64_t rows, std::int64_t width, DType dtype) {
  const bool free = before.defined() && before.size(0) >= rows && before.storage().use_count() == 1;
  return free ? before : at::empty({rows, width}, at::TensorOptions(to_torch(dtype)));
}

}  // namespace

void fill_part(ActivationPart& part,
               const RowPool& pool,
               const ActivationRows& rows,
               ActivationSource& source,
               DType dtype) {
  const std::vector<ActivationPoint>& points = source.points();
  part.values.resize(points.size());
  for (std::size_t point = 0; point < points.size(); ++point) {
    part.values[point] =
        room_for(part.values[point], std::ssize(pool.order), points[point].width, dtype);
  }
  part.rows.resize(pool.order.size());
  std::size_t at = 0;  // in the pool's order
  for (std::size_t block = 0; block < pool.blocks.size(); ++block) {
    if (block + 1 < pool.blocks.size()) {
      source.will_read(pool.blocks[block + 1]);
    }
    std::vector<std::pair<std::int64_t, std::int64_t>> moves;  // token of the block → row
    rows.for_each(pool.blocks[block], [&](const RowPlace& place, std::int64_t token) {
      const std::int64_t row = pool.order[at++];
      part.rows[static_cast<std::size_t>(row)] = place;
      moves.emplace_back(token, row);
    });
    source.read(pool.blocks[block], [&](std::size_t point, DType from, const std::uint8_t* data) {
      const std::int64_t width = points[point].width;
      const auto taken = static_cast<std::int64_t>(size_of(from)) * width;
      const auto stored = static_cast<std::int64_t>(size_of(dtype)) * width;
      auto* to = static_cast<std::uint8_t*>(part.values[point].mutable_data_ptr());
      for (const auto& [token, row] : moves) {
        convert(data + token * taken, from, to + row * stored, dtype, std::size_t(width));
      }
    });
  }
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
