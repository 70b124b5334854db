#include "hooks/stored/h5/error.h"

namespace headscope::h5 {
namespace {

// Keeps the innermost description: the cause, where the outer ones only name the call.
herr_t keep_innermost(unsigned level, const H5E_error2_t* error, void* text) {
  if (level == 0 && error->desc != nullptr) {
    *static_cast<std::string*>(text) = error->desc;
  }
  return 0;
}

}  // namespace

std::unique_lock<std::recursive_mutex> lock_library() {
  static std::recursive_mutex mutex;
  std::unique_lock lock(mutex);
  static const bool silent = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
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
