#include "hooks/stored/h5/error.h"

#include <string_view>

namespace headscope::h5 {
namespace {

// "file write failed: File too large" of a description that tells the time, the file, the buffer
// and more: "file write failed: time = …, errno = 27, error message = 'File too large', …".
std::string in_short(const std::string& description) {
  constexpr std::string_view kBefore = "error message = '";
  const std::size_t details = description.find(": time = ");
  const std::size_t begin = description.find(kBefore);
  const std::size_t end = description.find("', ", begin);
  if (details == std::string::npos || begin == std::string::npos || end == std::string::npos) {
    return description;
  }
  const std::size_t from = begin + kBefore.size();
  return description.substr(0, details) + ": " + description.substr(from, end - from);
}

// Keeps the innermost description: the cause, where the outer ones only name the call.
herr_t keep_innermost(unsigned level, const H5E_error2_t* error, void* text) {
  if (level == 0 && error->desc != nullptr) {
    *static_cast<std::string*>(text) = in_short(error->desc);
  }
  return 0;
}

}  // namespace

std::unique_lock<std::recursive_mutex> lock_library() {
  static std::recursive_mutex mutex;
  std::unique_lock lock(mutex);
  // No cleaning up at the program's end, before the library's first use: all of ours is closed by
  // then, and a file whose last bytes were refused makes HDF5 1.10 crash there.
  static const bool silent = (H5dont_atexit(), H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0);
  static_cast<void>(silent);
  return lock;
}

void fail(const std::string& doing) {
  std::string cause;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &cause);
  H5Eclear2(H5E_DEFAULT);
  throw Failure(cause.empty() ? doing : doing + ": " + cause);
}

}  // namespace headscope::h5
