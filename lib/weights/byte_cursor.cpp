#include "lib/weights/byte_cursor.h"

#include "lib/base/error.h"
#include "lib/weights/printable.h"

namespace headscope {

std::string_view ByteCursor::take_string() {
  const std::size_t begin = offset_;
  const auto length = take<std::uint64_t>();
  if (length > remaining()) {
    fail(fmt::format("a string of {} bytes at byte {}, where {} bytes are left; {}",
                     length,
                     begin,
                     remaining(),
                     kDownloadAgain));
  }
  const auto bytes = take_bytes(length);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint64_t ByteCursor::take_count(std::uint64_t item_bytes, std::string_view items) {
  const auto count = take<std::uint64_t>();
  if (count > remaining() / item_bytes) {
    fail(fmt::format(
        "{} {} cannot fit into the {} bytes left; {}", count, items, remaining(), kDownloadAgain));
  }
  return count;
}

void ByteCursor::fail(const std::string& problem) const {
  throw DataError("{}: {}: {}", file_, entry_, problem);
}

std::span<const std::uint8_t> ByteCursor::take_bytes(std::uint64_t count) {
  if (count > remaining()) {
    fail(fmt::format(
        "the file ends at byte {}, in the middle of it; {}", bytes_.size(), kDownloadAgain));
  }
  const auto taken = bytes_.subspan(offset_, count);
  offset_ += count;
  return taken;
}

}  // namespace headscope
