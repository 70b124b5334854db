#include "cli/render/packed_map.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <zlib.h>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr double kUnitLevels = 65535;
constexpr double kRangeLevels = 65532;

std::vector<float> stored(std::span<const float> values, std::int64_t size, Mask mask) {
  if (mask == Mask::none) {
    return {values.begin(), values.end()};
  }
  std::vector<float> kept;
  kept.reserve(static_cast<std::size_t>(size * (size + 1) / 2));
  for (std::int64_t row = 0; row < size; ++row) {
    const auto from = values.begin() + row * size;
    kept.insert(kept.end(), from, from + row + 1);
  }
  return kept;
}

std::uint16_t code_of(float value, const PackedMap& map) {
  if (map.encoding == PackedMap::Encoding::unit) {
    return static_cast<std::uint16_t>(std::lround(value * kUnitLevels));
  }
  if (!std::isfinite(value)) {
    return std::isnan(value) ? 65535 : value > 0 ? 65534 : 65533;
  }
  const double span = map.high - map.low;
  return static_cast<std::uint16_t>(span > 0 ? std::lround((value - map.low) / span * kRangeLevels)
                                             : 0);
}

std::string deflated(const std::string& raw) {
  uLongf room = compressBound(static_cast<uLong>(raw.size()));
  std::string out(room, '\0');
  if (compress2(reinterpret_cast<Bytef*>(out.data()),
                &room,
                reinterpret_cast<const Bytef*>(raw.data()),
                static_cast<uLong>(raw.size()),
                6) != Z_OK) {
    throw ResourceError("not enough memory to compress a map of {} bytes", raw.size());
  }
  out.resize(room);
  return out;
}

}  // namespace

PackedMap pack_map(std::span<const float> values, std::int64_t size, Mask mask) {
  const std::vector<float> kept = stored(values, size, mask);
  PackedMap map;
  const auto in_unit = [](float v) { return v >= 0 && v <= 1; };
  if (!std::all_of(kept.begin(), kept.end(), in_unit)) {
    map.encoding = PackedMap::Encoding::range;
    bool any = false;
    for (const float value : kept) {
      if (std::isfinite(value)) {
        map.low = any ? std::min<double>(map.low, value) : value;
        map.high = any ? std::max<double>(map.high, value) : value;
        any = true;
      }
    }
  }
  std::string planes(kept.size() * 2, '\0');
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const std::uint16_t code = code_of(kept[i], map);
    planes[i] = static_cast<char>(code >> 8);
    planes[kept.size() + i] = static_cast<char>(code & 0xff);
  }
  map.bytes = deflated(planes);
  return map;
}

}  // namespace headscope
