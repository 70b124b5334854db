// A read-only memory map of a whole file: the pages are the kernel's, not ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace headscope {

class MappedFile {
 public:
  // Throws DataError naming the path if it is missing, unreadable or not a regular file.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {data_, size_}; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  // Hints about a part of bytes(): it is read soon, so the disk may begin; or it has been read, so
  // its pages need not stay in this process. Read again, they come from the file again.
  void will_read(std::span<const std::uint8_t> part) const;
  void done_with(std::span<const std::uint8_t> part) const;

 private:
  std::filesystem::path path_;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace headscope
