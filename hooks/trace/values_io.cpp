#include "hooks/trace/values_io.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/half.h"

namespace headscope {
namespace {

constexpr std::int64_t kGapBytes = 4096;             // the disk reads whole pages anyway
constexpr std::int64_t kSpanBytes = 1 << 20;         // most that is read at once to bridge gaps
constexpr std::size_t kGatheredBytes = 1 << 20;      // most that is gathered before it is written
constexpr std::uint64_t kWritebackBytes = 8u << 20;  // handed to the disk at once

// Gathers the pieces of slots into few large writes.
class GatheredWrite {
 public:
  GatheredWrite(const PosixFile& file, DType from, DType to)
      : file_(file), from_(from), to_(to), direct_(from == to) {
    gathered_.reserve(kGatheredBytes);
  }

  // What follows lies in the slot [begin, end); room is filled within it and up to it from the slot
  // right before, never across a slot in between, whose prompt may be in the file already.
  bool begin_slot(std::uint64_t begin, std::uint64_t end) {
    const bool neighbour = begin == slot_end_;
    slot_end_ = end;
    return neighbour || flush();
  }

  // `elements` of `source` at `offset` of the file; a piece that goes on where the last one ended,
  // here as there, is one with it.
  bool add(std::uint64_t offset, const std::uint8_t* source, std::int64_t elements) {
    if (piece_.elements > 0 && offset == end_of(piece_) &&
        source == piece_.source + piece_.elements * element(from_)) {
      piece_.elements += elements;
      return true;
    }
    const bool written = take_piece();
    piece_ = {offset, source, elements};
    return written;
  }

  bool flush() { return take_piece() && put_gathered(); }

 private:
  struct Piece {
    std::uint64_t offset = 0;
    const std::uint8_t* source = nullptr;
    std::int64_t elements = 0;
  };

  static std::int64_t element(DType dtype) { return static_cast<std::int64_t>(size_of(dtype)); }
  [[nodiscard]] std::uint64_t end_of(const Piece& piece) const {
    return piece.offset + static_cast<std::uint64_t>(piece.elements * element(to_));
  }
  [[nodiscard]] std::uint64_t gathered_end() const { return begin_ + gathered_.size(); }

  // Moves the piece to what is gathered, or, if it is large and needs no conversion, to the file.
  bool take_piece() {
    const Piece piece = std::exchange(piece_, {});
    const auto bytes = static_cast<std::uint64_t>(piece.elements * element(to_));
    if (direct_ && bytes >= kGatheredBytes) {
      return put_gathered() && put(piece.offset, piece.source, bytes);
    }
    bool written = bytes == 0 || fill_to(piece.offset);
    const std::uint8_t* source = piece.source;
    for (std::int64_t left = piece.elements; left > 0 && written;) {
      const auto room = static_cast<std::int64_t>(kGatheredBytes - gathered_.size());
      const std::int64_t some = std::min(left, room / element(to_));
      if (some == 0) {
        written = put_gathered();
        continue;
      }
      const std::size_t at = gathered_.size();
      gathered_.resize(at + static_cast<std::size_t>(some * element(to_)));
      convert(source, from_, gathered_.data() + at, to_, static_cast<std::size_t>(some));
      source += some * element(from_);
      left -= some;
    }
    return written;
  }

  // Makes `offset` the end of what is gathered: by zeros if it is near, else by starting anew.
  bool fill_to(std::uint64_t offset) {
    const std::uint64_t end = gathered_end();
    const bool near = !gathered_.empty() && offset >= end &&
                      offset - end <= static_cast<std::uint64_t>(kFilledRoom) &&
                      gathered_.size() + (offset - end) <= kGatheredBytes;
    if (near) {
      gathered_.resize(gathered_.size() + (offset - end), 0);
      return true;
    }
    const bool written = put_gathered();
    begin_ = offset;
    return written;
  }

  bool put_gathered() {
    const bool written = gathered_.empty() || put(begin_, gathered_.data(), gathered_.size());
    begin_ += gathered_.size();
    gathered_.clear();
    return written;
  }

  bool put(std::uint64_t offset, const std::uint8_t* bytes, std::uint64_t size) {
    for (std::uint64_t at = 0; at < size; at += kWritebackBytes) {
      const std::uint64_t some = std::min(kWritebackBytes, size - at);
      if (!file_.write(offset + at, bytes + at, some)) {
        return false;
      }
      if (some >= kGatheredBytes / 2) {  // small pieces far apart are better sorted by the kernel
        start_writeback(file_, offset + at, some);
      }
    }
    return true;
  }

  const PosixFile& file_;
  DType from_;
  DType to_;
  bool direct_;
  Piece piece_;                         // not yet gathered
  std::vector<std::uint8_t> gathered_;  // of the dataset's dtype, to be written at begin_
  std::uint64_t begin_ = 0;
  std::uint64_t slot_end_ = 0;
};

// Gathers pieces of a file into one packed array, bridging small gaps.
class GatheredRead {
 public:
  GatheredRead(const PosixFile& file, std::uint64_t offset, std::size_t size, std::uint8_t* to)
      : file_(file), offset_(offset), size_(static_cast<std::int64_t>(size)), to_(to) {}

  // Reads across gaps of this many bytes where there are pieces on both sides.
  void bridge(std::int64_t gap) { most_gap_ = gap; }

  void add(std::int64_t element, std::int64_t elements) {
    const Piece piece{element * size_, elements * size_};
    if (!pieces_.empty()) {
      const std::int64_t gap = piece.begin - (pieces_.back().begin + pieces_.back().size);
      const std::int64_t span = piece.begin + piece.size - pieces_.front().begin;
      if (gap == 0 && pieces_.size() == 1) {
        pieces_.back().size += piece.size;  // read straight to where it goes, however long
        return;
      }
      if (gap < 0 || gap > most_gap_ || span > kSpanBytes) {
        flush();
      }
    }
    pieces_.push_back(piece);
  }

  void flush() {
    if (pieces_.size() == 1) {
      read(pieces_[0].begin, pieces_[0].size, to_);
      to_ += pieces_[0].size;
    } else if (!pieces_.empty()) {
      const std::int64_t first = pieces_.front().begin;
      span_.resize(static_cast<std::size_t>(pieces_.back().begin + pieces_.back().size - first));
      read(first, static_cast<std::int64_t>(span_.size()), span_.data());
      for (const Piece& piece : pieces_) {
        std::memcpy(
            to_, span_.data() + (piece.begin - first), static_cast<std::size_t>(piece.size));
        to_ += piece.size;
      }
    }
    pieces_.clear();
  }

 private:
  struct Piece {
    std::int64_t begin = 0;  // bytes
    std::int64_t size = 0;
  };

  void read(std::int64_t begin, std::int64_t size, std::uint8_t* to) {
    if (!file_.read(
            offset_ + static_cast<std::uint64_t>(begin), to, static_cast<std::size_t>(size))) {
      refuse_failed_read(file_);
    }
  }

  const PosixFile& file_;
  std::uint64_t offset_;
  std::int64_t size_;
  std::uint8_t* to_;
  std::int64_t most_gap_ = kGapBytes;
  std::vector<Piece> pieces_;
  std::vector<std::uint8_t> span_;
};

}  // namespace

void refuse_failed_read(const PosixFile& file) {
  throw DataError("{}: cannot read its values: {}",
                  file.path().string(),
                  errno == 0 ? "the file ends too soon" : std::strerror(errno));
}

bool write_values(const PosixFile& file,
                  const TraceDataset& dataset,
                  const std::vector<PromptSlot>& slots,
                  DType from,
                  const std::uint8_t* values) {
  const std::uint64_t size = size_of(dataset.dtype);
  const auto slot_bytes = static_cast<std::uint64_t>(elements_of(dataset)) * size;
  GatheredWrite write(file, from, dataset.dtype);
  bool written = true;
  for (const PromptSlot& slot : slots) {
    Region region{dataset.shape, Sizes(dataset.shape.size(), 0), shape_at(dataset, slot.length)};
    written = written && write.begin_slot(slot.offset, slot.offset + slot_bytes);
    for_each_run(region, [&](std::int64_t at, std::int64_t elements) {
      const std::uint64_t offset = slot.offset + static_cast<std::uint64_t>(at) * size;
      written = written && write.add(offset, values, elements);
      values += static_cast<std::size_t>(elements) * size_of(from);
    });
  }
  return written && write.flush();
}

void read_values(const PosixFile& file,
                 const TraceDataset& dataset,
                 const std::vector<PromptSlot>& slots,
                 std::uint8_t* to) {
  const std::size_t size = size_of(dataset.dtype);
  const std::uint64_t base = slots.empty() ? 0 : slots.front().offset;
  GatheredRead read(file, base, size, to);
  read.bridge(kFilledRoom);  // the writer filled it, so the disk has it in one piece
  for (const PromptSlot& slot : slots) {
    const auto first = static_cast<std::int64_t>(slot.offset - base) / std::int64_t(size);
    const Region region{
        dataset.shape, Sizes(dataset.shape.size(), 0), shape_at(dataset, slot.length)};
    for_each_run(region,
                 [&](std::int64_t at, std::int64_t elements) { read.add(first + at, elements); });
  }
  read.flush();
}

std::vector<std::uint8_t> read_region(const PosixFile& file,
                                      std::uint64_t offset,
                                      std::size_t size,
                                      const Region& region) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(product(region.count)) * size);
  GatheredRead read(file, offset, size, bytes.data());
  for_each_run(region, [&](std::int64_t at, std::int64_t elements) { read.add(at, elements); });
  read.flush();
  return bytes;
}

std::uint64_t prompt_bytes(const TraceDataset& dataset, std::int64_t length) {
  std::uint64_t bytes = size_of(dataset.dtype);
  for (std::size_t i = dataset.shape.size(); i-- > 0;) {
    bytes *= static_cast<std::uint64_t>(dataset.shape[i]);
  }
  for (std::size_t i = 0; i < dataset.shape.size(); ++i) {
    if (is_ragged_axis(dataset.axes[i + 1])) {  // the first one: rows of the others are padded
      const auto rows = static_cast<std::uint64_t>(dataset.shape[i]);
      const auto used = static_cast<std::uint64_t>(length);
      std::uint64_t row = size_of(dataset.dtype);
      for (std::size_t j = i + 1; j < dataset.shape.size(); ++j) {
        row *= static_cast<std::uint64_t>(dataset.shape[j]);
      }
      const bool filled = (rows - used) * row <= static_cast<std::uint64_t>(kFilledRoom);
      return filled ? bytes : bytes / rows * used;
    }
  }
  return bytes;
}

}  // namespace headscope
