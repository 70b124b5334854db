// Machines that hold too little: a limit on files, a full disk.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <sys/mount.h>
#include <sys/resource.h>

#include "lib/base/error.h"
#include "tests/stored/stored_kinds.h"
#include "tests/support/skip.h"

namespace headscope::stored {

inline void limit_file_size(std::uintmax_t bytes) {
  const rlimit limit{bytes, RLIM_INFINITY};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

// Writes until the machine refuses; what it said, or "".
inline std::string refused_write(const StoredKind& kind,
                                 const std::filesystem::path& path,
                                 const Told& told) {
  try {
    kind.write(path, told);
  } catch (const ResourceError& error) {
    return error.what();
  }
  return "";
}

// At `step`, and once, does `act`.
inline Told at_step(int step, const std::function<void()>& act) {
  return {.step = [step, act, done = 0]() mutable {
    if (++done == step) {
      act();
    }
  }};
}

// A file system of 4 MB for as long as it lives; where none can be mounted the case is skipped.
class SmallDisk {
 public:
  SmallDisk() {
    std::filesystem::create_directory(path());
    if (::mount("tmpfs", path().c_str(), "tmpfs", 0, "size=4m") != 0) {
      test::skip("mounting a small tmpfs needs root");
    }
  }
  ~SmallDisk() { ::umount(path().c_str()); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] std::filesystem::path path() const { return folder_.file("disk"); }
  [[nodiscard]] std::filesystem::path file() const { return path() / "t.h5"; }
  // Another program's file takes what is left; how much that is.
  void fill() const { std::ofstream(path() / "other") << std::string(4 << 20, 'x'); }
  void free() const { std::filesystem::remove(path() / "other"); }

 private:
  TempFolder folder_;
};

}  // namespace headscope::stored
