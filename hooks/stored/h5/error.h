// Failures of the HDF5 library as exceptions: its error stack becomes one line and is never
// printed. What a failure means to the user (bad file, full disk) only the caller knows, so callers
// turn a Failure into one of the errors of lib/base/error.h.
#pragma once

#include <mutex>
#include <stdexcept>
#include <string>

#include <hdf5.h>

namespace headscope::h5 {

class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Debian's HDF5 is not thread-safe: hold this around every use of it. Recursive. The first call
// also silences the library's own printing of errors, and keeps it from closing files at the
// program's end if no one has used it before.
[[nodiscard]] std::unique_lock<std::recursive_mutex> lock_library();

// Throws the Failure "DOING: what the error stack says" and clears the stack.
[[noreturn]] void fail(const std::string& doing);

// Passes on what an HDF5 call returned; a negative value is a fail().
template <typename T>
T checked(T result, const std::string& doing) {
  if (result < 0) {
    fail(doing);
  }
  return result;
}

}  // namespace headscope::h5
