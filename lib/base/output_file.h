// Files that appear whole or not at all: written under a temporary name, renamed when finished.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string_view>

namespace headscope {

class OutputFile {
 public:
  // Makes missing parent folders. Throws ResourceError naming the path if it cannot be created, and
  // what check_output_file() throws (lib/base/paths.h).
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();  // without commit(): the temporary file is removed
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Throws ResourceError naming the path: disk or quota full, or an I/O error.
  void write(std::string_view bytes);

  // Flushes and renames over `path`. An earlier file of that name stays until then.
  void commit();

 private:
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::FILE* file_ = nullptr;
};

// The whole file in one go.
void write_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace headscope
