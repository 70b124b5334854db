// The reference data of data/fixtures/text (made by make_tokenizers.py) for the tests of lib/text.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "lib/text/tokenizer.h"

namespace fixtures {

inline std::filesystem::path folder() {
  return std::filesystem::path(HEADSCOPE_SOURCE_DIR) / "data/fixtures/text";
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::uint32_t u32_at(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

inline std::vector<std::string> strings() {
  const std::string bytes = read_file(folder() / "strings.bin");
  std::vector<std::string> result;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::uint32_t length = u32_at(bytes, at);
    result.push_back(bytes.substr(at + 4, length));
    at += 4 + length;
  }
  return result;
}

inline std::uint32_t fnv(const void* data, std::size_t size) {
  std::uint32_t value = 0x811C9DC5u;
  for (std::size_t i = 0; i < size; ++i) {
    value = (value ^ static_cast<const std::uint8_t*>(data)[i]) * 0x01000193u;
  }
  return value;
}

struct Expected {
  std::uint32_t ids;   // FNV-1a of the ids
  std::uint32_t text;  // FNV-1a of decode(ids)
};

inline std::vector<Expected> expected(const std::string& name) {
  const std::string bytes = read_file(folder() / (name + ".expected"));
  std::vector<Expected> result;
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    result.push_back({u32_at(bytes, at), u32_at(bytes, at + 4)});
  }
  return result;
}

}  // namespace fixtures
