#include "lib/weights/gguf_metadata.h"

#include <fmt/format.h>

#include "lib/base/json.h"
#include "lib/weights/printable.h"

namespace headscope {
namespace {

enum GgufValueType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
  kTypes
};

constexpr int kMaxNesting = 8;  // arrays in arrays; files in the wild have one level

// The fewest bytes a value of `type` takes; an array's are its element type and count.
std::uint64_t smallest_size(std::uint32_t type) {
  constexpr std::uint64_t kSizes[kTypes] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};
  return kSizes[type];
}

bool read_bool(ByteCursor& cursor) {
  const auto byte = cursor.take<std::uint8_t>();
  if (byte > 1) {
    cursor.fail(fmt::format("a bool of value {}; {}", byte, kDownloadAgain));
  }
  return byte == 1;
}

Json read_value(ByteCursor& cursor, std::uint32_t type, int nesting);

Json read_array(ByteCursor& cursor, int nesting) {
  if (nesting >= kMaxNesting) {
    cursor.fail(fmt::format("arrays nested deeper than {}", kMaxNesting));
  }
  const auto type = cursor.take<std::uint32_t>();
  if (type >= kTypes) {
    cursor.fail(fmt::format("an array of unknown value type {}; {}", type, kDownloadAgain));
  }
  const std::uint64_t count = cursor.take_count(smallest_size(type), "array elements");
  Json::array_t values;
  values.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    values.push_back(read_value(cursor, type, nesting + 1));
  }
  return values;
}

Json read_value(ByteCursor& cursor, std::uint32_t type, int nesting) {
  switch (type) {
    case kU8:
      return cursor.take<std::uint8_t>();
    case kI8:
      return cursor.take<std::int8_t>();
    case kU16:
      return cursor.take<std::uint16_t>();
    case kI16:
      return cursor.take<std::int16_t>();
    case kU32:
      return cursor.take<std::uint32_t>();
    case kI32:
      return cursor.take<std::int32_t>();
    case kF32:
      return cursor.take<float>();
    case kBool:
      return read_bool(cursor);
    case kString:
      return std::string(cursor.take_string());
    case kArray:
      return read_array(cursor, nesting);
    case kU64:
      return cursor.take<std::uint64_t>();
    case kI64:
      return cursor.take<std::int64_t>();
    case kF64:
      return cursor.take<double>();
    default:
      cursor.fail(fmt::format("unknown value type {}; {}", type, kDownloadAgain));
  }
}

}  // namespace

Json read_gguf_value(ByteCursor& cursor, std::uint32_t type) {
  return read_value(cursor, type, 0);
}

}  // namespace headscope
