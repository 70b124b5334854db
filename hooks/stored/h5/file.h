// HDF5 files.
#pragma once

#include <filesystem>

#include "hooks/stored/h5/handle.h"

namespace headscope::h5 {

struct NewFile {
  hsize_t user_block = 0;      // bytes before HDF5's own: 0, or 512 times a power of two
  hsize_t metadata_block = 0;  // room kept for metadata in one piece ahead of the data
};

// Creates or overwrites. Objects that are still open when the File closes are closed with it.
File create_file(const std::filesystem::path& path, const NewFile& options);

// Opens for reading, without HDF5's own file lock: it fails on some network file systems, and a
// trace is read safely while it grows.
File open_file(const std::filesystem::path& path);

}  // namespace headscope::h5
