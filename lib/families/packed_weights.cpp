#include "lib/families/packed_weights.h"

#include <algorithm>
#include <cstring>

#include "lib/families/parameters.h"
#include "lib/families/stored_row.h"
#include "lib/tensor/ops.h"
#include "lib/tensor/packed.h"
#include "lib/weights/encoding.h"

namespace headscope {
namespace {

constexpr std::int64_t kBitsOfF32 = 32;

bool keeps_rows(Layout layout) {
  return layout == Layout::rows || reorders_rows(layout);
}

// A reading's rows as stored, in our order.
PackedRows rows_of(const WeightSource::Blocks& blocks, const ReadPart& part, Layout layout) {
  const Parameter& p = part.parameter;
  const std::size_t row_bytes = blocks.bytes.size() / static_cast<std::size_t>(p.rows);
  Tensor bytes = at::empty({p.rows, static_cast<std::int64_t>(row_bytes)}, at::kByte);
  auto* to = bytes.data_ptr<std::uint8_t>();
  for (std::int64_t row = 0; row < p.rows; ++row) {
    const auto from = static_cast<std::size_t>(stored_row(row, layout, p));
    std::memcpy(to + static_cast<std::size_t>(row) * row_bytes,
                blocks.bytes.data() + from * row_bytes,
                row_bytes);
  }
  return {blocks.encoding, bytes};
}

}  // namespace

bool stays_packed(const WeightSource& source, const std::vector<WeightReading>& readings) {
  bool smaller = false;
  for (const WeightReading& reading : readings) {
    const Parameter& p = reading.parameter;
    const auto blocks = source.blocks(*reading.stored);
    if (!blocks || p.row_length == 1 || reading.scale != 1.0 || !keeps_rows(reading.layout) ||
        !blocks->encoding->bytes(static_cast<std::uint64_t>(p.row_length))) {
      return false;
    }
    smaller = smaller || blocks->encoding->bits < kBitsOfF32 * blocks->encoding->block;
  }
  return smaller;
}

void keep_packed(const WeightSource& source, const std::vector<WeightReading>& readings) {
  std::vector<std::pair<std::int64_t, PackedRows>> parts;  // by our first row
  for (const WeightReading& reading : readings) {
    with_part(source, reading, [&](const ReadPart& part) {
      parts.emplace_back(part.parameter.first_row,
                         rows_of(*part.source.blocks(part.stored), part, reading.layout));
    });
  }
  std::sort(
      parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  PackedParts packed;
  std::int64_t rows = 0;
  for (auto& [first, part] : parts) {
    rows += part.bytes.size(0);
    packed.push_back(std::move(part));
  }
  for (const WeightReading& reading : readings) {
    source.done_with(*reading.stored);
  }
  const Parameter& p = readings.front().parameter;
  const std::vector<std::int64_t> shape =
      p.experts > 0 ? std::vector{p.experts, p.rows_of_expert, p.row_length}
                    : std::vector{rows, p.row_length};
  *p.tensor = packed_tensor(std::move(packed), shape);
}

std::int64_t packed_bytes(const WeightSource& source, const std::vector<WeightReading>& readings) {
  std::int64_t bytes = 0;
  for (const WeightReading& reading : readings) {
    with_part(source, reading, [&](const ReadPart& part) {
      bytes += static_cast<std::int64_t>(part.source.blocks(part.stored)->bytes.size());
    });
  }
  return bytes;
}

bool holds_packed(const Weights& weights) {
  bool any = false;
  Weights same = weights;  // the same tensors, which visitors may change
  for_each_tensor(same, [&](Tensor& tensor) { any = any || packed_parts(tensor) != nullptr; });
  return any;
}

}  // namespace headscope
