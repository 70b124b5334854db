#include "hooks/stored/posix_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace headscope {

PosixFile::PosixFile(const std::filesystem::path& path, int flags)
    : path_(path), descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}

PosixFile::PosixFile(PosixFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

PosixFile& PosixFile::operator=(PosixFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

PosixFile::~PosixFile() {
  if (valid()) {
    ::close(descriptor_);
  }
}

bool PosixFile::read(std::uint64_t offset, void* to, std::size_t size) const {
  auto* at = static_cast<std::uint8_t*>(to);
  while (size > 0) {
    const ssize_t got = ::pread(descriptor_, at, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      errno = got == 0 ? 0 : errno;
      return false;
    }
    at += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool PosixFile::read_scattered(std::uint64_t offset, std::vector<iovec> pieces) const {
  for (std::size_t piece = 0; piece < pieces.size();) {
    const ssize_t got = ::preadv(descriptor_,
                                 pieces.data() + piece,
                                 static_cast<int>(pieces.size() - piece),
                                 static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      errno = got == 0 ? 0 : errno;
      return false;
    }
    offset += static_cast<std::uint64_t>(got);
    auto left = static_cast<std::size_t>(got);
    for (; piece < pieces.size() && left >= pieces[piece].iov_len; ++piece) {
      left -= pieces[piece].iov_len;
    }
    if (left > 0) {
      pieces[piece].iov_base = static_cast<std::uint8_t*>(pieces[piece].iov_base) + left;
      pieces[piece].iov_len -= left;
    }
  }
  return true;
}

bool PosixFile::write(std::uint64_t offset, const void* from, std::size_t size) const {
  const auto* at = static_cast<const std::uint8_t*>(from);
  while (size > 0) {
    const ssize_t put = ::pwrite(descriptor_, at, size, static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put <= 0) {
      errno = put == 0 ? ENOSPC : errno;
      return false;
    }
    at += put;
    offset += static_cast<std::uint64_t>(put);
    size -= static_cast<std::size_t>(put);
  }
  return true;
}

std::uint64_t PosixFile::size() const {
  struct stat status {};
  return ::fstat(descriptor_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

bool PosixFile::is_at_path() const {
  struct stat mine {};
  struct stat there {};
  return ::fstat(descriptor_, &mine) == 0 && ::stat(path_.c_str(), &there) == 0 &&
         mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

bool lock_exclusively(const PosixFile& file) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(file.descriptor(), F_OFD_SETLK, &lock) == 0 ||
         (errno != EAGAIN && errno != EACCES);  // a file system without locks must not stop us
}

void start_writeback(const PosixFile& file, std::uint64_t offset, std::uint64_t size) {
  const int cause = errno;  // of an earlier failure, which the caller may want to report
  ::sync_file_range(file.descriptor(),
                    static_cast<off_t>(offset),
                    static_cast<off_t>(size),
                    SYNC_FILE_RANGE_WRITE);
  errno = cause;
}

void start_reading(const PosixFile& file, std::uint64_t offset, std::uint64_t size) {
  ::posix_fadvise(
      file.descriptor(), static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_WILLNEED);
}

void sync_folder(const std::filesystem::path& folder) {
  const PosixFile handle(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
  if (handle.valid()) {
    ::fsync(handle.descriptor());
  }
}

}  // namespace headscope
