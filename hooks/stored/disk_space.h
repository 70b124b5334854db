// Will it fit? Asked before anything is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace headscope {

// Throws ResourceError naming the path if the file system it lies on has less than `bytes` free.
void check_free_space(const std::filesystem::path& path, std::uint64_t bytes);

// Throws ResourceError if this process may not make files of `bytes` (ulimit -f).
void check_file_size_limit(const std::filesystem::path& path, std::uint64_t bytes);

// What to do about a write that failed with this errno: "free some disk".
std::string_view remedy_for(int error);

// While one lives, a write of this thread past the file size limit fails with EFBIG; without, the
// signal SIGXFSZ ends the process.
class FileSizeSignalBlocked {
 public:
  FileSizeSignalBlocked();
  ~FileSizeSignalBlocked();
  FileSizeSignalBlocked(const FileSizeSignalBlocked&) = delete;
  FileSizeSignalBlocked& operator=(const FileSizeSignalBlocked&) = delete;

 private:
  bool was_blocked_ = false;
};

}  // namespace headscope
