#include "lib/text/protobuf.h"

#include <bit>
#include <cstring>

#include "lib/base/error.h"

namespace headscope {
namespace {

void expect_type(const ProtobufField& field,
                 ProtobufField::Type type,
                 const char* name,
                 const std::string& where) {
  if (field.type != type) {
    throw DataError("{}: field {} is no {}", where, field.number, name);
  }
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = (value << 8) | static_cast<std::uint8_t>(bytes[i - 1]);
  }
  return value;
}

}  // namespace

std::string_view ProtobufField::text(const std::string& where) const {
  expect_type(*this, Type::bytes, "text", where);
  return bytes;
}

std::int32_t ProtobufField::integer(const std::string& where) const {
  expect_type(*this, Type::varint, "integer", where);
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
}

bool ProtobufField::boolean(const std::string& where) const {
  expect_type(*this, Type::varint, "truth value", where);
  return value != 0;
}

float ProtobufField::real(const std::string& where) const {
  expect_type(*this, Type::fixed32, "32-bit number", where);
  return std::bit_cast<float>(static_cast<std::uint32_t>(value));
}

ProtobufReader::ProtobufReader(std::string_view message, std::string where)
    : rest_(message), where_(std::move(where)) {}

std::string_view ProtobufReader::take(std::uint64_t count) {
  if (count > rest_.size()) {
    throw DataError("{}: a field of {} bytes, of which {} are there", where_, count, rest_.size());
  }
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::uint64_t ProtobufReader::take_varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(take(1).front());
    value |= static_cast<std::uint64_t>(byte & 0x7Fu) << shift;
    if (byte < 0x80) {
      return value;
    }
  }
  throw DataError("{}: a number of more than ten bytes", where_);
}

std::optional<ProtobufField> ProtobufReader::next() {
  if (rest_.empty()) {
    return std::nullopt;
  }
  const std::uint64_t tag = take_varint();
  ProtobufField field;
  field.number = static_cast<std::uint32_t>(tag >> 3);
  switch (tag & 7u) {
    case 0:
      field.value = take_varint();
      return field;
    case 1:
      field.type = ProtobufField::Type::fixed64;
      field.value = little_endian(take(8));
      return field;
    case 2:
      field.type = ProtobufField::Type::bytes;
      field.bytes = take(take_varint());
      return field;
    case 5:
      field.type = ProtobufField::Type::fixed32;
      field.value = little_endian(take(4));
      return field;
    default:
      throw DataError("{}: field {} is of the unknown type {}", where_, field.number, tag & 7u);
  }
}

}  // namespace headscope
