#include "lib/weights/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/weights/printable.h"
#include "lib/weights/safetensors_json.h"

namespace headscope {
namespace {

constexpr std::uint64_t kPrefix = 8;                   // the header's length
constexpr std::uint64_t kLongestHeader = 100'000'000;  // the reference implementation's limit

std::string_view header_text(std::span<const std::uint8_t> bytes, const std::string& path) {
  if (bytes.size() < kPrefix) {
    throw DataError(
        "{}: {} bytes are too few for a safetensors file; {}", path, bytes.size(), kDownloadAgain);
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kPrefix);
  if (length > bytes.size() - kPrefix || length > kLongestHeader) {
    throw DataError("{}: a header of {} bytes in a file of {} (a Git LFS pointer, perhaps); {}",
                    path,
                    length,
                    bytes.size(),
                    kDownloadAgain);
  }
  return {reinterpret_cast<const char*>(bytes.data()) + kPrefix, length};
}

// One entry of the header and how to complain about it.
struct Entry {
  const std::string& path;
  const std::string& name;
  const Json& json;

  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError("{}: tensor {}: {}; {}", path, printable(name), problem, kDownloadAgain);
  }

  [[nodiscard]] const Json& field(const char* key) const {
    if (!json.is_object() || !json.contains(key)) {
      fail(fmt::format("no field \"{}\"", key));
    }
    return json[key];
  }

  [[nodiscard]] std::uint64_t whole_number(const Json& value, const char* what) const {
    if (!value.is_number_unsigned()) {
      fail(fmt::format("{} is no whole number that is 0 or more", what));
    }
    return value.get<std::uint64_t>();
  }
};

// Reads the shape. Returns the number of values.
std::uint64_t read_shape(const Entry& entry, std::vector<std::int64_t>& shape) {
  const Json& axes = entry.field("shape");
  if (!axes.is_array()) {
    entry.fail("shape is no array");
  }
  std::int64_t values = 1;  // a length of 0 counts as 1, so that rows() cannot overflow either
  bool empty = false;
  for (const Json& axis : axes) {
    const std::uint64_t length = entry.whole_number(axis, "an axis of shape");
    empty = empty || length == 0;
    if (__builtin_mul_overflow(values, std::max<std::uint64_t>(length, 1), &values)) {
      entry.fail("shape overflows 64 bits");
    }
    shape.push_back(static_cast<std::int64_t>(length));
  }
  return empty ? 0 : static_cast<std::uint64_t>(values);
}

const Encoding& read_dtype(const Entry& entry) {
  const Json& dtype = entry.field("dtype");
  if (!dtype.is_string()) {
    entry.fail("dtype is no string");
  }
  const Encoding* encoding = find_safetensors_encoding(dtype.get_ref<const std::string&>());
  if (encoding == nullptr) {
    entry.fail(fmt::format("unknown dtype {}", printable(dtype.get_ref<const std::string&>())));
  }
  return *encoding;
}

// Reads one entry; `begin` is still relative to the data.
SafetensorsTensor read_entry(const Entry& entry) {
  SafetensorsTensor read;
  read.tensor.name = entry.name;
  read.encoding = &read_dtype(entry);
  read.tensor.encoding = read.encoding->name;
  const std::uint64_t values = read_shape(entry, read.tensor.shape);
  const Json& offsets = entry.field("data_offsets");
  if (!offsets.is_array() || offsets.size() != 2) {
    entry.fail("data_offsets is no pair of numbers");
  }
  read.begin = entry.whole_number(offsets[0], "data_offsets[0]");
  const std::uint64_t end = entry.whole_number(offsets[1], "data_offsets[1]");
  if (read.begin > end) {
    entry.fail(fmt::format("data_offsets begin at {} and end at {}", read.begin, end));
  }
  read.bytes = end - read.begin;
  const auto needed = read.encoding->bytes(values);
  if (!needed || *needed != read.bytes) {
    entry.fail(fmt::format("{} bytes of data, but its shape [{}] in {} takes {}",
                           read.bytes,
                           fmt::join(read.tensor.shape, ", "),
                           read.encoding->name,
                           needed ? std::to_string(*needed) : "no whole number of bytes"));
  }
  return read;
}

// The data section must be filled exactly: truncated and padded files fail here.
void check_layout(const std::vector<SafetensorsTensor>& tensors,
                  std::uint64_t data_size,
                  const std::string& path) {
  std::uint64_t filled = 0;
  for (const SafetensorsTensor& entry : tensors) {
    const std::string name = printable(entry.tensor.name);
    if (entry.begin != filled) {
      throw DataError("{}: tensor {} {} the tensor before it (begins at {}, expected {}); {}",
                      path,
                      name,
                      entry.begin < filled ? "overlaps" : "leaves a hole after",
                      entry.begin,
                      filled,
                      kDownloadAgain);
    }
    if (entry.bytes > data_size - filled) {
      throw DataError("{}: tensor {} ends at byte {} of the {} bytes of data; {}",
                      path,
                      name,
                      entry.begin + entry.bytes,
                      data_size,
                      kDownloadAgain);
    }
    filled += entry.bytes;
  }
  if (filled != data_size) {
    throw DataError(
        "{}: {} bytes follow the last tensor; {}", path, data_size - filled, kDownloadAgain);
  }
}

}  // namespace

std::vector<SafetensorsTensor> read_safetensors_header(std::span<const std::uint8_t> bytes,
                                                       const std::string& path) {
  const std::string_view text = header_text(bytes, path);
  const Json header = parse_safetensors_json(text, path + ": header");
  std::vector<SafetensorsTensor> tensors;
  for (const auto& [name, json] : header.items()) {
    if (name != "__metadata__") {
      tensors.push_back(read_entry({path, name, json}));
    }
  }
  const auto place = [](const SafetensorsTensor& entry) {
    return std::tuple(entry.begin, entry.bytes);  // an empty tensor precedes the one it touches
  };
  std::stable_sort(tensors.begin(), tensors.end(), [&](const auto& a, const auto& b) {
    return place(a) < place(b);
  });
  const std::uint64_t data_begin = kPrefix + text.size();
  check_layout(tensors, bytes.size() - data_begin, path);
  for (SafetensorsTensor& entry : tensors) {
    entry.begin += data_begin;
  }
  return tensors;
}

}  // namespace headscope
