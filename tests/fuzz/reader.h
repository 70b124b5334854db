// What reads files of strangers: each takes any bytes and either reads them or throws one of the
// errors that users see. Coverage-guided by `make fuzz`, over kept files by replay_test.cpp.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace headscope::fuzz {

struct Reader {
  std::string_view name;  // "safetensors"; its files are in tests/fuzz/seeds/<name>
  std::string_view file;  // what the bytes are called when it reads them
  void (*read)(const std::filesystem::path& path);
};

std::span<const Reader> readers();

// Writes `bytes` under the reader's name into `folder` and reads them. True if they were accepted,
// false if they were refused by a UsageError, DataError or ResourceError of one line. Throws
// std::logic_error for a message that is none; lets every other exception through.
bool accepts(const Reader& reader, std::string_view bytes, const std::filesystem::path& folder);

}  // namespace headscope::fuzz
