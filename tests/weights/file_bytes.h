// Builds weight files byte by byte, right or wrong.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

template <typename T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A safetensors file of the JSON `header` and `data`.
inline std::string safetensors(const std::string& header, const std::string& data) {
  return raw<std::uint64_t>(header.size()) + header + data;
}

inline std::string gguf_string(std::string_view text) {
  return raw<std::uint64_t>(text.size()) + std::string(text);
}

// The parts of a GGUF file; fields may be set to any nonsense before bytes() puts them together.
struct GgufParts {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::uint64_t tensor_count = 0;
  std::uint64_t entry_count = 0;
  std::string entries;
  std::string tensors;
  std::string data;
  std::size_t alignment = 32;

  GgufParts& entry(std::string_view key, std::uint32_t type, const std::string& value) {
    ++entry_count;
    entries += gguf_string(key) + raw(type) + value;
    return *this;
  }

  GgufParts& tensor(std::string_view name,
                    const std::vector<std::uint64_t>& axes,
                    std::uint32_t type,
                    std::uint64_t offset) {
    ++tensor_count;
    tensors += gguf_string(name) + raw(static_cast<std::uint32_t>(axes.size()));
    for (const std::uint64_t axis : axes) {
      tensors += raw(axis);
    }
    tensors += raw(type) + raw(offset);
    return *this;
  }

  [[nodiscard]] std::string bytes() const {
    std::string file =
        magic + raw(version) + raw(tensor_count) + raw(entry_count) + entries + tensors;
    file.resize((file.size() + alignment - 1) / alignment * alignment);
    return file + data;
  }
};
