// Rows from the file to where they are wanted, without a buffer in between.
#include <array>
#include <climits>

#include "hooks/trace/values_io.h"

namespace headscope {
namespace {

// Gathers rows into few large reads, each into as many places as the kernel takes.
class ScatteredRead {
 public:
  ScatteredRead(const PosixFile& file, std::size_t row_bytes)
      : file_(file), row_bytes_(row_bytes) {}

  void add(std::uint64_t offset, std::uint8_t* to) {
    if (pieces_.size() + 2 > IOV_MAX || offset - end_ > unwanted_.size()) {
      flush();
    }
    if (pieces_.empty()) {
      begin_ = offset;
    } else if (offset > end_) {
      pieces_.push_back({unwanted_.data(), static_cast<std::size_t>(offset - end_)});
    }
    if (!pieces_.empty() && end_of(pieces_.back()) == to) {
      pieces_.back().iov_len += row_bytes_;  // neighbours here as there
    } else {
      pieces_.push_back({to, row_bytes_});
    }
    end_ = offset + row_bytes_;
  }

  void flush() {
    if (!file_.read_scattered(begin_, std::move(pieces_))) {
      refuse_failed_read(file_);
    }
    pieces_.clear();
  }

 private:
  static std::uint8_t* end_of(const iovec& piece) {
    return static_cast<std::uint8_t*>(piece.iov_base) + piece.iov_len;
  }

  const PosixFile& file_;
  std::size_t row_bytes_;
  std::vector<iovec> pieces_;
  std::uint64_t begin_ = 0;  // of the pieces in the file
  std::uint64_t end_ = 0;
  std::array<std::uint8_t, kFilledRoom> unwanted_;  // NOLINT: written over and over, never read
};

}  // namespace

void read_rows(const PosixFile& file,
               const TraceDataset& dataset,
               const std::vector<PromptSlot>& slots,
               std::span<std::uint8_t* const> rows) {
  const std::size_t row_bytes =
      static_cast<std::size_t>(elements_of(dataset) / dataset.shape[0]) * size_of(dataset.dtype);
  ScatteredRead read(file, row_bytes);
  std::size_t row = 0;
  for (const PromptSlot& slot : slots) {
    for (std::int64_t token = 0; token < slot.length; ++token, ++row) {
      if (rows[row] != nullptr) {
        read.add(slot.offset + static_cast<std::uint64_t>(token) * row_bytes, rows[row]);
      }
    }
  }
  read.flush();
}

}  // namespace headscope
