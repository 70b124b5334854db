// The first 512 bytes of a trace (an HDF5 user block, which HDF5 skips): where the metadata end,
// how long the file is, and a checksum of both and of every byte of metadata. Metadata never change
// once recording starts, so a damaged or truncated trace is found before HDF5, whose parser trusts
// what it reads, sees a byte of it.
#pragma once

#include <cstdint>

#include "hooks/trace/posix_file.h"

namespace headscope {

inline constexpr std::uint64_t kSealBytes = 512;

// Seals a file HDF5 has closed: its metadata are the bytes [kSealBytes, metadata_end).
// Throws ResourceError if that cannot be written.
void write_seal(const PosixFile& file, std::uint64_t metadata_end);

// Throws DataError naming the path: not a trace, another version, truncated, damaged metadata.
void check_seal(const PosixFile& file);

}  // namespace headscope
