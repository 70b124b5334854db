#include "lib/base/output_file.h"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace headscope {

OutputFile::OutputFile(std::filesystem::path path) : path_(std::move(path)) {
  temporary_ = path_;
  temporary_ += fmt::format(".{}.part", ::getpid());
  check_output_file(path_);
  make_parent_folders(path_);
  file_ = std::fopen(temporary_.c_str(), "wb");
  if (file_ == nullptr) {
    throw ResourceError("{}: cannot be created ({}); choose another output path",
                        path_.string(),
                        std::strerror(errno));
  }
}

OutputFile::~OutputFile() {
  if (file_ != nullptr) {
    std::fclose(file_);
    std::error_code ignored;
    std::filesystem::remove(temporary_, ignored);
  }
}

void OutputFile::fail() const {
  const int reason = errno;
  throw ResourceError("{}: writing failed ({}); {} and run again",
                      path_.string(),
                      std::strerror(reason),
                      reason == EFBIG ? "raise the limit (ulimit -f)" : "free some disk space");
}

void OutputFile::write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) {
    fail();
  }
}

void OutputFile::commit() {
  // fclose reports delayed errors (quota, network file systems) only once, so flush and sync first.
  if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0 ||
      std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail();
  }
  std::fclose(std::exchange(file_, nullptr));
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  OutputFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace headscope
