#include "hooks/stored/new_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

[[noreturn]] void throw_unmade(const std::filesystem::path& path) {
  throw ResourceError(
      "{}: cannot write: {}; choose another place with -o", path.string(), std::strerror(errno));
}

// rename(2), but failing with EEXIST where a file has that name and `over` is fail.
bool rename_to(const std::filesystem::path& from,
               const std::filesystem::path& to,
               NewFile::Over over) {
  if (over == NewFile::Over::fail) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
      return true;
    }
    if (errno != EINVAL && errno != ENOSYS) {  // the file system does not know the flag
      return false;
    }
    if (::access(to.c_str(), F_OK) == 0) {
      errno = EEXIST;
      return false;
    }
  }
  return ::rename(from.c_str(), to.c_str()) == 0;
}

}  // namespace

void throw_busy(const std::filesystem::path& path) {
  throw UsageError("{}: another process is writing it; wait for it or choose another -o",
                   path.string());
}

NewFile::NewFile(const std::filesystem::path& path) : path_(path) {
  std::filesystem::path temporary = path;
  temporary += ".part";
  make_parent_folders(path);
  do {  // until the file we locked is the one at the path: its last owner may have renamed it
    file_ = PosixFile(temporary, O_RDWR | O_CREAT);
    if (!file_.valid()) {
      throw_unmade(path);
    }
    if (!lock_exclusively(file_)) {
      throw_busy(path);
    }
  } while (!file_.is_at_path());
}

NewFile::~NewFile() {
  if (file_.valid()) {
    ::unlink(file_.path().c_str());
  }
}

PosixFile NewFile::publish(const FileKind& kind, std::uint64_t metadata_end, Over over) {
  write_seal(file_, kind, metadata_end);
  return publish(over);
}

PosixFile NewFile::publish(Over over) {
  if (::fsync(file_.descriptor()) != 0) {
    throw_unmade(path_);
  }
  if (!rename_to(file_.path(), path_, over)) {
    if (errno == EEXIST) {
      throw UsageError(
          "{}: exists already; continue it with --resume, replace it with --overwrite, or choose "
          "another -o",
          path_.string());
    }
    throw_unmade(path_);
  }
  sync_folder(path_.parent_path());
  file_.renamed(path_);
  return std::move(file_);
}

}  // namespace headscope
