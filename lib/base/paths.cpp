#include "lib/base/paths.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <unistd.h>

#include "lib/base/error.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

// What is written beside an output while it is made: NAME.1234567.part
constexpr std::size_t kRoomForSuffix = 24;
constexpr std::size_t kLongestPathName = 255;

fs::file_status status_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::none) {
    throw DataError("{}: {}", path.string(), error.message());
  }
  return status;
}

// A folder that is there and may be written.
void check_writable_folder(const fs::path& folder, const fs::path& output) {
  if (!fs::is_directory(status_of(folder))) {
    throw ResourceError("{}: cannot write: {} is no folder; choose another output path",
                        output.string(),
                        folder.string());
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    throw ResourceError(
        "{}: cannot write: {}; choose another output path", output.string(), std::strerror(errno));
  }
}

// The nearest folder at or above `path` that is there: the missing ones will be made in it.
fs::path nearest_existing(const fs::path& path) {
  fs::path folder = path.empty() ? fs::path(".") : path;
  while (!path_exists(folder)) {
    const fs::path above = folder.parent_path();
    folder = above.empty() || above == folder ? fs::path(".") : above;
  }
  return folder;
}

}  // namespace

bool path_exists(const fs::path& path) {
  return fs::exists(status_of(path));
}

bool is_folder(const fs::path& path) {
  return fs::is_directory(status_of(path));
}

void check_output_file(const fs::path& path) {
  if (path.empty()) {
    throw UsageError("an output without a name; give a file name");
  }
  const fs::file_status status = status_of(path);
  std::error_code ignored;  // status_of() went the same way
  const bool is_link = fs::is_symlink(fs::symlink_status(path, ignored));
  if (fs::is_directory(status) || !path.has_filename()) {
    throw UsageError("{}: not a regular file: is a folder; give a file name", path.string());
  }
  if (is_link || (fs::exists(status) && !fs::is_regular_file(status))) {
    throw UsageError("{}: not a regular file{}; an output cannot take its place, choose another -o",
                     path.string(),
                     is_link ? ": is a link" : "");
  }
  if (path.filename().native().size() + kRoomForSuffix > kLongestPathName) {
    throw DataError("{}: the name is too long; choose a shorter one", path.string());
  }
  check_writable_folder(nearest_existing(path.parent_path()), path);
}

void check_output_folder(const fs::path& path) {
  check_writable_folder(nearest_existing(path), path);
}

void make_parent_folders(const fs::path& path) {
  std::error_code ignored;
  if (path.has_parent_path()) {
    fs::create_directories(path.parent_path(), ignored);
  }
}

}  // namespace headscope
