// Where pictures and arrays of one file go: into a folder, by name, or into the one file asked for.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "cli/render/picture.h"
#include "cli/trace/export_files.h"
#include "lib/base/error.h"

namespace headscope {

struct ExportTarget {
  PictureOptions picture;  // its format, and how values become colours
  std::filesystem::path out;
  OutputKind kind = OutputKind::folder;

  // OUT/<name>.<format>, or `out` where that is the file.
  [[nodiscard]] std::filesystem::path file(const std::string& name) const {
    return kind == OutputKind::file ? out : out / fmt::format("{}.{}", name, picture.format);
  }

  // Throws UsageError where several come out and -o names one file; `how` says how to choose one.
  void check_count(std::size_t count, std::string_view how) const {
    if (kind == OutputKind::file && count != 1) {
      throw UsageError(
          "-o {}: this makes {} files; give -o a folder, or {}", out.string(), count, how);
    }
  }
};

}  // namespace headscope
