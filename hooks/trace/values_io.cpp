#include "hooks/trace/values_io.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/half.h"

namespace headscope {
namespace {

constexpr std::int64_t kSliceBytes = 8 << 20;  // converted or padded at once
constexpr std::int64_t kGapBytes = 4096;       // the disk reads whole pages anyway
constexpr std::int64_t kSpanBytes = 1 << 20;   // most that is read at once to bridge gaps

std::int64_t product_from(const Sizes& sizes, std::size_t first) {
  return product(Sizes(sizes.begin() + static_cast<std::ptrdiff_t>(first), sizes.end()));
}

// Writes one prompt's values slice by slice: `outer_` blocks of `rows_` rows, each row padded from
// `packed_` to `full_` elements. Without padding the prompt is one block of one-element rows.
class PaddedWrite {
 public:
  PaddedWrite(const TraceDataset& dataset, std::int64_t length, DType from)
      : dims_(dataset.shape), count_(shape_at(dataset, length)), from_(from), to_(dataset.dtype) {
    if (dims_ == count_) {
      dims_ = count_ = {product(dims_)};
    }
    const auto split = std::ranges::mismatch(dims_, count_).in1 - dims_.begin();
    axis_ = static_cast<std::size_t>(split) % dims_.size();
    full_ = product_from(dims_, axis_ + 1);
    packed_ = product_from(count_, axis_ + 1);
  }

  bool run(const PosixFile& file, std::uint64_t offset, const std::uint8_t* values) {
    const std::int64_t element = static_cast<std::int64_t>(size_of(to_));
    const std::int64_t outer = product(Sizes(dims_.begin(), dims_.begin() + axis()));
    const std::int64_t whole = direct() ? count_[axis_] : kSliceBytes / (full_ * element);
    const std::int64_t slice = std::max<std::int64_t>(1, whole);
    for (std::int64_t block = 0; block < outer; ++block) {
      for (std::int64_t row = 0; row < count_[axis_]; row += slice) {
        const std::int64_t rows = std::min(slice, count_[axis_] - row);
        const std::int64_t at = (block * dims_[axis_] + row) * full_ * element;
        const std::int64_t from_row = block * count_[axis_] + row;
        const auto* source =
            values + from_row * packed_ * static_cast<std::int64_t>(size_of(from_));
        if (!write_rows(file, offset + static_cast<std::uint64_t>(at), source, rows)) {
          return false;
        }
      }
    }
    return true;
  }

 private:
  [[nodiscard]] std::ptrdiff_t axis() const { return static_cast<std::ptrdiff_t>(axis_); }
  [[nodiscard]] bool direct() const { return full_ == packed_ && from_ == to_; }

  bool write_rows(const PosixFile& file,
                  std::uint64_t at,
                  const std::uint8_t* source,
                  std::int64_t rows) {
    const std::size_t bytes = static_cast<std::size_t>(rows * full_) * size_of(to_);
    if (direct()) {
      return file.write(at, source, bytes);
    }
    buffer_.assign(bytes, 0);
    Region region;
    region.dims.assign(dims_.begin() + axis(), dims_.end());
    region.count.assign(count_.begin() + axis(), count_.end());
    region.dims[0] = region.count[0] = rows;
    region.begin.assign(region.dims.size(), 0);
    for_each_run(region, [&](std::int64_t to, std::int64_t elements) {
      convert(source,
              from_,
              buffer_.data() + static_cast<std::size_t>(to) * size_of(to_),
              to_,
              static_cast<std::size_t>(elements));
      source += static_cast<std::size_t>(elements) * size_of(from_);
    });
    return file.write(at, buffer_.data(), bytes);
  }

  Sizes dims_;
  Sizes count_;
  DType from_;
  DType to_;
  std::size_t axis_ = 0;  // the first that is shorter in memory than on disk
  std::int64_t full_ = 1;
  std::int64_t packed_ = 1;
  std::vector<std::uint8_t> buffer_;
};

// Gathers pieces of a file into one packed array, bridging small gaps.
class GatheredRead {
 public:
  GatheredRead(const PosixFile& file, std::uint64_t offset, std::size_t size, std::uint8_t* to)
      : file_(file), offset_(offset), size_(static_cast<std::int64_t>(size)), to_(to) {}

  void add(std::int64_t element, std::int64_t elements) {
    const Piece piece{element * size_, elements * size_};
    if (!pieces_.empty()) {
      const std::int64_t gap = piece.begin - (pieces_.back().begin + pieces_.back().size);
      const std::int64_t span = piece.begin + piece.size - pieces_.front().begin;
      if (gap > kGapBytes || span > kSpanBytes) {
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
      throw DataError("{}: cannot read its values: {}",
                      file_.path().string(),
                      errno == 0 ? "the file ends too soon" : std::strerror(errno));
    }
  }

  const PosixFile& file_;
  std::uint64_t offset_;
  std::int64_t size_;
  std::uint8_t* to_;
  std::vector<Piece> pieces_;
  std::vector<std::uint8_t> span_;
};

}  // namespace

bool write_values(const PosixFile& file,
                  std::uint64_t offset,
                  const TraceDataset& dataset,
                  std::int64_t length,
                  DType from,
                  const std::vector<std::uint8_t>& values) {
  return PaddedWrite(dataset, length, from).run(file, offset, values.data());
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

}  // namespace headscope
