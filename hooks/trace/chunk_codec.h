// One chunk of a compressed trace: HDF5's shuffle filter, then deflate (zlib), done here so that
// chunks are packed and unpacked on all cores and a damaged one is an error, not a crash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace headscope {

// `bytes` are elements of `size` bytes; `level` is 1 to 9.
std::vector<std::uint8_t> pack_chunk(const std::vector<std::uint8_t>& bytes,
                                     std::size_t size,
                                     int level);

// False if `packed` does not unpack to exactly `bytes.size()` bytes.
bool unpack_chunk(const std::vector<std::uint8_t>& packed,
                  std::size_t size,
                  std::vector<std::uint8_t>& bytes);

}  // namespace headscope
