// Who is making an output that is written only when all is done.
#pragma once

#include <filesystem>

#include "hooks/stored/posix_file.h"

namespace headscope {

// Keeps OUTPUT.lock, locked, as long as it lives, so that a second process that was told to write
// the same output refuses at once instead of replacing it at the end. Trace and result files lock
// themselves while they are written and need none.
class WriterClaim {
 public:
  // Throws UsageError if another process holds it, ResourceError if it cannot be made. An empty
  // path claims nothing.
  explicit WriterClaim(const std::filesystem::path& output);
  ~WriterClaim();
  WriterClaim(const WriterClaim&) = delete;
  WriterClaim& operator=(const WriterClaim&) = delete;

 private:
  PosixFile lock_;
};

}  // namespace headscope
