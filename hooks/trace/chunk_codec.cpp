#include "hooks/trace/chunk_codec.h"

#include <zlib.h>

#include "lib/base/error.h"

namespace headscope {

std::vector<std::uint8_t> pack_chunk(const std::vector<std::uint8_t>& bytes,
                                     std::size_t size,
                                     int level) {
  std::vector<std::uint8_t> shuffled(bytes.size());
  const std::size_t count = bytes.size() / size;
  for (std::size_t byte = 0; byte < size; ++byte) {
    for (std::size_t i = 0; i < count; ++i) {
      shuffled[byte * count + i] = bytes[i * size + byte];
    }
  }
  uLongf packed_size = ::compressBound(shuffled.size());
  std::vector<std::uint8_t> packed(packed_size);
  if (::compress2(packed.data(), &packed_size, shuffled.data(), shuffled.size(), level) != Z_OK) {
    throw ResourceError("zlib ran out of memory packing a chunk of {} bytes", bytes.size());
  }
  packed.resize(packed_size);
  return packed;
}

bool unpack_chunk(const std::vector<std::uint8_t>& packed,
                  std::size_t size,
                  std::vector<std::uint8_t>& bytes) {
  std::vector<std::uint8_t> shuffled(bytes.size());
  uLongf unpacked = shuffled.size();
  if (::uncompress(shuffled.data(), &unpacked, packed.data(), packed.size()) != Z_OK ||
      unpacked != shuffled.size()) {
    return false;
  }
  const std::size_t count = bytes.size() / size;
  for (std::size_t byte = 0; byte < size; ++byte) {
    for (std::size_t i = 0; i < count; ++i) {
      bytes[i * size + byte] = shuffled[byte * count + i];
    }
  }
  return true;
}

}  // namespace headscope
