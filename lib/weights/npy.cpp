#include "lib/weights/npy.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/base/mapped_file.h"

namespace headscope {
namespace {

static_assert(std::endian::native == std::endian::little, "npy values are read as they lie");

constexpr std::string_view kNpyMagic{"\x93NUMPY", 6};

struct NpyHeader {
  std::string_view dict;                 // a Python literal
  std::span<const std::uint8_t> values;  // what lies behind it
};

NpyHeader split_npy(std::span<const std::uint8_t> bytes, const std::string& path) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (bytes.size() < 12 || !text.starts_with(kNpyMagic)) {
    throw DataError("{}: not a .npy file; numpy.save() makes one", path);
  }
  const std::size_t length_bytes = bytes[6] == 1 ? 2 : 4;
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, length_bytes);
  const std::size_t begin = 8 + length_bytes;
  if (length > bytes.size() - begin) {
    throw DataError("{}: cut short in its header; save it again", path);
  }
  return {text.substr(begin, length), bytes.subspan(begin + length)};
}

// What follows "'key':" in the header, up to `end`.
std::string_view npy_field(std::string_view dict,
                           const std::string& key,
                           char end,
                           const std::string& path) {
  const std::string quoted = "'" + key + "':";
  const std::size_t at = dict.find(quoted);
  const std::size_t from = at == std::string_view::npos ? at : at + quoted.size();
  const std::size_t to = from == std::string_view::npos ? from : dict.find(end, from);
  if (to == std::string_view::npos) {
    throw DataError("{}: its header has no \"{}\"; save it again", path, key);
  }
  std::string_view value = dict.substr(from, to - from);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

// "(3, 4" → 3, 4; "(" → nothing.
std::vector<std::int64_t> npy_shape(std::string_view text, const std::string& path) {
  std::vector<std::int64_t> shape;
  std::int64_t values = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (!digit && std::string_view("(, ").find(text[i]) == std::string_view::npos) {
      throw DataError("{}: its header has no shape of whole numbers; save it again", path);
    }
    if (digit) {
      std::int64_t size = 0;
      for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
        if (__builtin_mul_overflow(size, 10, &size) ||
            __builtin_add_overflow(size, text[i] - '0', &size)) {
          throw DataError("{}: a shape beyond 64 bits; save it again", path);
        }
      }
      if (size == 0 || __builtin_mul_overflow(values, size, &values)) {
        throw DataError("{}: a shape without values, or beyond 64 bits; save it again", path);
      }
      shape.push_back(size);
    }
  }
  return shape;
}

template <typename Stored, typename Convert>
std::vector<float> npy_values(std::span<const std::uint8_t> bytes,
                              const std::vector<std::int64_t>& shape,
                              const std::string& path,
                              const Convert& convert) {
  std::uint64_t count = 1;
  for (const std::int64_t size : shape) {
    count *= static_cast<std::uint64_t>(size);
  }
  if (bytes.size() / sizeof(Stored) != count || bytes.size() % sizeof(Stored) != 0) {
    throw DataError("{}: {} bytes of values where its shape needs {} of {}; save it again",
                    path,
                    bytes.size(),
                    count,
                    sizeof(Stored));
  }
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof stored, sizeof stored);
    values[i] = convert(stored);
  }
  return values;
}

}  // namespace

NpyArray read_npy(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_npy(file.bytes(), path.string());
}

NpyArray parse_npy(std::span<const std::uint8_t> bytes, const std::string& name) {
  const NpyHeader header = split_npy(bytes, name);
  NpyArray array{.shape = npy_shape(npy_field(header.dict, "shape", ')', name), name),
                 .values = {}};
  const std::string_view order = npy_field(header.dict, "fortran_order", ',', name);
  if (order != "False" && array.shape.size() > 1) {
    throw DataError("{}: columns first (Fortran order); save numpy.ascontiguousarray() of it",
                    name);
  }
  const std::string_view type = npy_field(header.dict, "descr", ',', name);
  if (type == "'<f4'") {
    array.values = npy_values<float>(header.values, array.shape, name, [](float x) { return x; });
  } else if (type == "'<f8'") {
    array.values = npy_values<double>(
        header.values, array.shape, name, [](double x) { return static_cast<float>(x); });
  } else if (type == "'<f2'") {
    array.values = npy_values<std::uint16_t>(header.values, array.shape, name, f16_to_f32);
  } else {
    throw DataError("{}: values of type {}; save them as float32", name, type);
  }
  return array;
}

}  // namespace headscope
