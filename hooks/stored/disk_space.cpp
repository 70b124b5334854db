#include "hooks/stored/disk_space.h"

#include <cerrno>
#include <string>

#include <signal.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "lib/base/error.h"
#include "lib/base/memory.h"

namespace headscope {
namespace {

std::string in_words(std::uint64_t bytes) {
  return format_bytes(static_cast<std::int64_t>(bytes));
}

sigset_t file_size_signal() {
  sigset_t set{};
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGXFSZ);
  return set;
}

}  // namespace

void check_free_space(const std::filesystem::path& path, std::uint64_t bytes) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) {
    return;  // a missing folder is reported by whoever makes the file
  }
  const std::uint64_t available = std::uint64_t{status.f_bavail} * status.f_frsize;
  if (available < bytes) {
    throw ResourceError(
        "{}: needs {} of disk but {} has {} free; free some, record less, or store f16",
        path.string(),
        in_words(bytes),
        folder.string(),
        in_words(available));
  }
}

void check_file_size_limit(const std::filesystem::path& path, std::uint64_t bytes) {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      limit.rlim_cur < bytes) {
    throw ResourceError("{}: would be {} but files may be {} at most (ulimit -f); raise the limit",
                        path.string(),
                        in_words(bytes),
                        in_words(limit.rlim_cur));
  }
}

std::string_view remedy_for(int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return full ? "free some disk" : error == EFBIG ? "raise the limit (ulimit -f)" : "mend the disk";
}

FileSizeSignalBlocked::FileSizeSignalBlocked() {
  const sigset_t signal = file_size_signal();
  sigset_t before{};
  ::pthread_sigmask(SIG_BLOCK, &signal, &before);
  was_blocked_ = ::sigismember(&before, SIGXFSZ) == 1;
}

FileSizeSignalBlocked::~FileSizeSignalBlocked() {
  if (was_blocked_) {
    return;
  }
  const int cause = errno;  // which the caller may want to report
  const sigset_t signal = file_size_signal();
  const timespec at_once{0, 0};
  while (::sigtimedwait(&signal, nullptr, &at_once) == SIGXFSZ) {
    // takes what is pending, which would strike once it is let through
  }
  ::pthread_sigmask(SIG_UNBLOCK, &signal, nullptr);
  errno = cause;
}

}  // namespace headscope
