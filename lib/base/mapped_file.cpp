#include "lib/base/mapped_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"

namespace headscope {
namespace {

// The whole pages that touch `part` (Touched) or lie in it (Inside).
enum class Pages { touched, inside };

void advise(std::span<const std::uint8_t> part, Pages which, int advice) {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(part.data());
  const auto last = first + part.size();
  const std::uintptr_t begin = (which == Pages::touched ? first : first + page - 1) / page * page;
  const std::uintptr_t end = (which == Pages::touched ? last + page - 1 : last) / page * page;
  if (begin < end) {  // a hint: what the kernel makes of it changes no value
    (void)::madvise(reinterpret_cast<void*>(begin), end - begin, advice);
  }
}

}  // namespace

void MappedFile::will_read(std::span<const std::uint8_t> part) const {
  advise(part, Pages::touched, MADV_WILLNEED);
}

void MappedFile::done_with(std::span<const std::uint8_t> part) const {
  advise(part, Pages::inside, MADV_DONTNEED);
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    throw DataError("{}: cannot open: {}", path.string(), std::strerror(errno));
  }
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw DataError("{}: not a regular file", path.string());
  }
  size_ = static_cast<std::size_t>(info.st_size);
  void* map = size_ == 0 ? nullptr : ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
  const int map_errno = errno;
  ::close(fd);
  if (map == MAP_FAILED) {
    throw ResourceError(
        "{}: cannot map {} bytes: {}", path.string(), size_, std::strerror(map_errno));
  }
  data_ = static_cast<const std::uint8_t*>(map);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    ::munmap(const_cast<std::uint8_t*>(data_), size_);
  }
}

}  // namespace headscope
