// The first 512 bytes of a trace or result file (an HDF5 user block, which HDF5 skips): where the
// metadata end, how long the file is, and a checksum of both and of every byte of metadata.
// Metadata never change once values are written, so a damaged or truncated file is found before
// HDF5, whose parser trusts what it reads, sees a byte of it.
#pragma once

#include <cstdint>
#include <string_view>

#include "hooks/stored/posix_file.h"

namespace headscope {

inline constexpr std::uint64_t kSealBytes = 512;

// A kind of file: how it begins, and the words its errors use.
struct FileKind {
  enum class Form {
    sealed,  // an HDF5 file behind a seal
    lines    // JSON, a line each (line_log.h)
  };

  std::string_view format;  // "headscope-trace"
  std::int64_t version = 0;
  std::string_view noun;    // "trace": "not a headscope trace"
  std::string_view source;  // where to get one: "`headscope record` makes one"
  std::string_view again;   // what to do about a damaged one: "record it again"
  Form form = Form::sealed;
};

// Seals a file HDF5 has closed: its metadata are the bytes [kSealBytes, metadata_end).
// Throws ResourceError if that cannot be written.
void write_seal(const PosixFile& file, const FileKind& kind, std::uint64_t metadata_end);

// Throws DataError naming the path: of another kind or version, truncated, damaged metadata.
void check_seal(const PosixFile& file, const FileKind& kind);

// True if the file's first bytes say that it is of this kind, of whatever version or form.
bool is_of_kind(const PosixFile& file, const FileKind& kind);

}  // namespace headscope
