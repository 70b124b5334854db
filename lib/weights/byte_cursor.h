// A walk through the little-endian fields of a file that cannot leave it.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace headscope {

class ByteCursor {
 public:
  // `file` opens every message.
  ByteCursor(std::span<const std::uint8_t> bytes, std::string file)
      : bytes_(bytes), file_(std::move(file)) {}

  // The entry being read, for messages ("metadata key 'general.name'").
  void enter(std::string entry) { entry_ = std::move(entry); }

  // The next value of a trivially copyable T. Throws DataError at the end of the file.
  template <typename T>
  T take() {
    T value;
    std::memcpy(&value, take_bytes(sizeof(T)).data(), sizeof(T));
    return value;
  }

  // A string: its u64 length, then its bytes. Throws DataError if the length leaves the file.
  std::string_view take_string();

  // A u64 count of items of at least `item_bytes` bytes each. Throws DataError if they cannot fit
  // into the rest of the file, so that callers may reserve memory for them.
  std::uint64_t take_count(std::uint64_t item_bytes, std::string_view items);

  // Throws DataError: the file, the entry, `problem`.
  [[noreturn]] void fail(const std::string& problem) const;

  [[nodiscard]] std::size_t offset() const { return offset_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - offset_; }

 private:
  std::span<const std::uint8_t> take_bytes(std::uint64_t count);

  std::span<const std::uint8_t> bytes_;
  std::size_t offset_ = 0;
  std::string file_;
  std::string entry_;
};

}  // namespace headscope
