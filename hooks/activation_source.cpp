#include "hooks/activation_source.h"

#include "lib/base/half.h"

namespace headscope {

void RowTargets::put(const Computed& from) const {
  const auto taken = from.width * static_cast<std::int64_t>(size_of(from.dtype));
  const auto stored = from.width * static_cast<std::int64_t>(size_of(dtype));
  for (std::int64_t token = 0; token < from.tokens; ++token) {
    const std::int64_t row = rows[static_cast<std::size_t>(from.first + token)];
    if (row != kNowhere) {
      convert(from.bytes + token * taken,
              from.dtype,
              points[from.point] + row * stored,
              dtype,
              static_cast<std::size_t>(from.width));
    }
  }
}

std::vector<std::uint8_t*> RowTargets::addresses(std::size_t point, std::int64_t width) const {
  const auto stored = width * static_cast<std::int64_t>(size_of(dtype));
  std::vector<std::uint8_t*> places;
  places.reserve(rows.size());
  for (const std::int64_t row : rows) {
    places.push_back(row == kNowhere ? nullptr : points[point] + row * stored);
  }
  return places;
}

}  // namespace headscope
