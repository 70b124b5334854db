#include "hooks/stored/open_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

#include "hooks/stored/new_file.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

// Opens and locks an existing file; not valid() if there is none.
PosixFile open_existing(const fs::path& path) {
  for (;;) {
    PosixFile file(path, O_RDWR | O_NONBLOCK);
    if (!file.valid()) {
      if (errno == ENOENT) {
        return file;
      }
      throw ResourceError("{}: cannot open for writing: {}", path.string(), std::strerror(errno));
    }
    if (!lock_exclusively(file)) {
      throw_busy(path);
    }
    if (file.is_at_path()) {
      return file;  // else another process renamed a new one over it meanwhile
    }
  }
}

// --overwrite is for our own files: a slip must not cost a model or a list of prompts.
void refuse_other_kind(const PosixFile& existing, const FileKind& kind) {
  if (existing.size() > 0 && !is_of_kind(existing, kind)) {
    refuse_to_replace(existing.path(), kind.noun);
  }
}

}  // namespace

PosixFile open_to_read(const fs::path& path, const FileKind& kind) {
  PosixFile file(path, O_RDONLY | O_NONBLOCK);  // a named pipe must not hang us
  struct stat status {};
  if (!file.valid() || ::fstat(file.descriptor(), &status) != 0) {
    throw DataError("{}: cannot open: {}", path.string(), std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    throw DataError("{}: not a file; give the path of a {}", path.string(), kind.noun);
  }
  return file;
}

PosixFile open_to_resume(const fs::path& path, const FileKind& kind, IfExists if_exists) {
  check_output_file(path);
  PosixFile existing = open_existing(path);
  if (existing.valid() && if_exists == IfExists::fail) {
    throw UsageError(
        "{}: exists already; continue it with --resume, replace it with --overwrite, or choose "
        "another -o",
        path.string());
  }
  if (existing.valid() && if_exists == IfExists::replace) {
    refuse_other_kind(existing, kind);
  }
  return if_exists == IfExists::resume ? std::move(existing) : PosixFile();
}

void check_to_replace(const std::filesystem::path& path, const FileKind& kind) {
  const PosixFile existing(path, O_RDONLY | O_NONBLOCK);
  if (existing.valid()) {
    refuse_other_kind(existing, kind);
  }
}

}  // namespace headscope
