// A file made under a temporary name beside its own and renamed when whole.
#pragma once

#include <filesystem>

#include "hooks/stored/posix_file.h"
#include "hooks/stored/seal.h"

namespace headscope {

class NewFile {
 public:
  enum class Over { fail, replace };  // what publish() does to a file of that name

  // Makes missing parent folders; makes and locks PATH.part. Throws UsageError if another process
  // is making it, ResourceError naming the path if it cannot be made.
  explicit NewFile(const std::filesystem::path& path);
  ~NewFile();  // removes what was not published
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  [[nodiscard]] std::filesystem::path temporary() const { return file_.path(); }
  [[nodiscard]] const PosixFile& file() const { return file_; }  // what lies there

  // Seals the file (seal.h), syncs it to disk and gives it its name; returns it, locked.
  PosixFile publish(const FileKind& kind, std::uint64_t metadata_end, Over over);
  // The same without a seal.
  PosixFile publish(Over over);

 private:
  std::filesystem::path path_;
  PosixFile file_;
};

// "PATH: another process is writing it; …", a UsageError.
[[noreturn]] void throw_busy(const std::filesystem::path& path);

}  // namespace headscope
