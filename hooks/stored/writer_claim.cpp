#include "hooks/stored/writer_claim.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "hooks/stored/new_file.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace headscope {

WriterClaim::WriterClaim(const std::filesystem::path& output) {
  if (output.empty()) {
    return;
  }
  make_parent_folders(output);
  std::filesystem::path path = output;
  path += ".lock";
  do {  // until the file we locked is the one at the path: its last owner may have removed it
    lock_ = PosixFile(path, O_RDWR | O_CREAT);
    if (!lock_.valid()) {
      throw ResourceError("{}: cannot write: {}; choose another output path",
                          output.string(),
                          std::strerror(errno));
    }
    if (!lock_exclusively(lock_)) {
      throw_busy(output);
    }
  } while (!lock_.is_at_path());
}

WriterClaim::~WriterClaim() {
  if (lock_.valid()) {
    ::unlink(lock_.path().c_str());
  }
}

}  // namespace headscope
