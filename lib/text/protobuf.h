// The fields of a protocol buffer message (the wire format of protobuf.dev/programming-guides/
// encoding), one after another, without leaving it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headscope {

struct ProtobufField {
  enum class Type { varint, fixed64, bytes, fixed32 };
  std::uint32_t number = 0;
  Type type = Type::varint;
  std::uint64_t value = 0;  // of a varint or a fixed number: its bits
  std::string_view bytes;   // of a string or a message: a part of the whole

  // Each throws DataError, opened by `where`, for a field of another type.
  [[nodiscard]] std::string_view text(const std::string& where) const;
  [[nodiscard]] std::int32_t integer(const std::string& where) const;
  [[nodiscard]] bool boolean(const std::string& where) const;
  [[nodiscard]] float real(const std::string& where) const;
};

class ProtobufReader {
 public:
  // `message` must outlive the reader and its fields; `where` opens every error.
  ProtobufReader(std::string_view message, std::string where);

  // The next field, or nothing at the end. Throws DataError for one that is cut off or of a type
  // that proto3 does not have.
  std::optional<ProtobufField> next();

 private:
  std::uint64_t take_varint();
  std::string_view take(std::uint64_t count);

  std::string_view rest_;
  std::string where_;
};

}  // namespace headscope
