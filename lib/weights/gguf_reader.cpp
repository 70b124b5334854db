#include "lib/weights/gguf_reader.h"

#include <algorithm>
#include <bit>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/weights/byte_cursor.h"
#include "lib/weights/gguf_metadata.h"
#include "lib/weights/printable.h"

namespace headscope {
namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint32_t kMaxAxes = 4;         // of ggml
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kSmallestEntry = 8 + 4 + 1;       // a key, a type, a value
constexpr std::uint64_t kSmallestTensor = 8 + 4 + 4 + 8;  // a name, axes, a type, an offset

void check_version(ByteCursor& cursor) {
  cursor.enter("header");
  if (cursor.take<std::uint32_t>() != kMagic) {
    cursor.fail("no GGUF file (it does not begin with \"GGUF\"); give a .gguf file");
  }
  const auto version = cursor.take<std::uint32_t>();
  if ((version & 0xffffu) == 0 && version != 0) {
    cursor.fail("a big-endian GGUF file; convert it with gguf-py's gguf_convert_endian");
  }
  if (version != 2 && version != 3) {
    cursor.fail(fmt::format("GGUF version {}; headscope reads 2 and 3: convert it anew", version));
  }
}

Json read_metadata(ByteCursor& cursor, std::uint64_t count) {
  Json metadata = Json::object();
  for (std::uint64_t i = 0; i < count; ++i) {
    cursor.enter(fmt::format("metadata entry {}", i));
    const std::string key(cursor.take_string());
    cursor.enter(fmt::format("metadata key {}", printable(key)));
    Json value = read_gguf_value(cursor, cursor.take<std::uint32_t>());
    if (!metadata.emplace(key, std::move(value)).second) {
      cursor.fail(fmt::format("given twice; {}", kDownloadAgain));
    }
  }
  return metadata;
}

std::uint64_t alignment_of(const Json& metadata, const ByteCursor& cursor) {
  const auto found = metadata.find("general.alignment");
  if (found == metadata.end()) {
    return kDefaultAlignment;
  }
  if (!found->is_number_unsigned() || !std::has_single_bit(found->get<std::uint64_t>()) ||
      found->get<std::uint64_t>() > (std::uint64_t{1} << 31)) {
    cursor.fail(fmt::format("general.alignment is no power of two of 32 bits; {}", kDownloadAgain));
  }
  return found->get<std::uint64_t>();
}

// Reads the axes, fastest first in the file, into PyTorch's order. Returns the number of values.
std::uint64_t read_shape(ByteCursor& cursor, std::vector<std::int64_t>& shape) {
  const auto axes = cursor.take<std::uint32_t>();
  if (axes > kMaxAxes) {
    cursor.fail(fmt::format("{} axes, more than GGUF's {}; {}", axes, kMaxAxes, kDownloadAgain));
  }
  std::int64_t values = 1;  // a length of 0 counts as 1, so that rows() cannot overflow either
  bool empty = false;
  for (std::uint32_t axis = 0; axis < axes; ++axis) {
    const auto length = cursor.take<std::int64_t>();
    empty = empty || length == 0;
    if (length < 0 || __builtin_mul_overflow(values, std::max<std::int64_t>(length, 1), &values)) {
      cursor.fail(fmt::format("axis {} of length {} overflows the tensor's size; {}",
                              axis,
                              static_cast<std::uint64_t>(length),
                              kDownloadAgain));
    }
    shape.push_back(length);
  }
  std::reverse(shape.begin(), shape.end());
  return empty ? 0 : static_cast<std::uint64_t>(values);
}

// Reads one tensor's entry; `begin` is still relative to the tensor data.
GgufTensor read_tensor(ByteCursor& cursor, std::uint64_t index) {
  GgufTensor entry;
  cursor.enter(fmt::format("tensor {}", index));
  entry.tensor.name = cursor.take_string();
  cursor.enter(fmt::format("tensor {}", printable(entry.tensor.name)));
  const std::uint64_t values = read_shape(cursor, entry.tensor.shape);
  const auto type = cursor.take<std::uint32_t>();
  entry.encoding = find_gguf_encoding(type);
  if (entry.encoding == nullptr) {
    cursor.fail(fmt::format("unknown tensor type {}; use a file in a known quantisation", type));
  }
  entry.tensor.encoding = entry.encoding->name;
  const auto bytes = entry.encoding->bytes(values);
  if (!bytes || entry.tensor.row_length() % entry.encoding->block != 0) {
    cursor.fail(fmt::format("rows of {} values are no multiple of {}'s blocks of {}; {}",
                            entry.tensor.row_length(),
                            entry.encoding->name,
                            entry.encoding->block,
                            kDownloadAgain));
  }
  entry.bytes = *bytes;
  entry.begin = cursor.take<std::uint64_t>();
  return entry;
}

struct DataSection {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t alignment = 0;
};

// Turns every `begin` into a place in the file, inside the data section and aligned.
void place_tensors(std::vector<GgufTensor>& tensors, const DataSection& data, ByteCursor& cursor) {
  const std::uint64_t size = data.end > data.begin ? data.end - data.begin : 0;
  for (GgufTensor& entry : tensors) {
    cursor.enter(fmt::format("tensor {}", printable(entry.tensor.name)));
    if (entry.begin % data.alignment != 0) {
      cursor.fail(fmt::format("offset {} is no multiple of the alignment {}; {}",
                              entry.begin,
                              data.alignment,
                              kDownloadAgain));
    }
    if (entry.begin > size || entry.bytes > size - entry.begin) {
      cursor.fail(
          fmt::format("{} bytes at offset {} of the {} bytes of tensor data: outside the file; {}",
                      entry.bytes,
                      entry.begin,
                      size,
                      kDownloadAgain));
    }
    entry.begin += data.begin;
  }
}

void check_overlap(const std::vector<GgufTensor>& tensors, ByteCursor& cursor) {
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& entry : tensors) {
    if (entry.bytes > 0) {
      order.push_back(&entry);
    }
  }
  std::sort(
      order.begin(), order.end(), [](const auto* a, const auto* b) { return a->begin < b->begin; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const GgufTensor& before = *order[i - 1];
    if (before.begin + before.bytes > order[i]->begin) {
      cursor.enter(fmt::format("tensor {}", printable(order[i]->tensor.name)));
      cursor.fail(
          fmt::format("overlaps tensor {}; {}", printable(before.tensor.name), kDownloadAgain));
    }
  }
}

}  // namespace

GgufHeader read_gguf_header(std::span<const std::uint8_t> bytes, const std::string& path) {
  ByteCursor cursor(bytes, path);
  check_version(cursor);
  const std::uint64_t tensor_count = cursor.take_count(kSmallestTensor, "tensors");
  const std::uint64_t entry_count = cursor.take_count(kSmallestEntry, "metadata entries");
  GgufHeader header;
  header.metadata = read_metadata(cursor, entry_count);
  cursor.enter("header");
  const std::uint64_t alignment = alignment_of(header.metadata, cursor);
  header.tensors.reserve(std::min(tensor_count, cursor.remaining() / kSmallestTensor));
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    header.tensors.push_back(read_tensor(cursor, i));
  }
  const std::uint64_t begin = (cursor.offset() + alignment - 1) / alignment * alignment;
  place_tensors(header.tensors, {begin, bytes.size(), alignment}, cursor);
  check_overlap(header.tensors, cursor);
  return header;
}

}  // namespace headscope
