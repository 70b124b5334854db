#include "cli/render/packed_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <zlib.h>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr double kUnitLevels = 65535;
constexpr double kRangeLevels = 65532;
// Below these, codes are kept from which a reader can tell what is not finite.
constexpr int kMostLevels = 252;
constexpr std::array kLevels{kMostLevels, 180, 127, 90, 63, 45, 31, 22, 15, 11, 7};
// Patterns deflate to no less than about this share of two bytes a value.
constexpr std::int64_t kHopeless = 4;

using Encoding = PackedMap::Encoding;

std::vector<float> stored(std::span<const float> values, std::int64_t size, Mask mask) {
  if (mask != Mask::causal) {
    return {values.begin(), values.end()};
  }
  std::vector<float> kept;
  kept.reserve(static_cast<std::size_t>(stored_values(size, mask)));
  for (std::int64_t row = 0; row < size; ++row) {
    const auto from = values.begin() + row * size;
    kept.insert(kept.end(), from, from + row + 1);
  }
  return kept;
}

// The code of a value that is not finite, counted down from the largest code there is.
int odd_code(float value, int largest) {
  return std::isnan(value) ? largest : value > 0 ? largest - 1 : largest - 2;
}

std::uint16_t wide_code(float value, const PackedMap& map) {
  if (map.encoding == Encoding::unit) {
    return static_cast<std::uint16_t>(std::lround(value * kUnitLevels));
  }
  if (!std::isfinite(value)) {
    return static_cast<std::uint16_t>(odd_code(value, 65535));
  }
  const double span = map.high - map.low;
  return static_cast<std::uint16_t>(span > 0 ? std::lround((value - map.low) / span * kRangeLevels)
                                             : 0);
}

char narrow_code(float value, const PackedMap& map) {
  if (!std::isfinite(value)) {
    return static_cast<char>(odd_code(value, 255));
  }
  const double span = map.high - map.low;
  const double share = span > 0 ? (value - map.low) / span : 0;
  return static_cast<char>(
      std::lround(map.levels * (map.encoding == Encoding::root ? std::sqrt(share) : share)));
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

// Range of the finite values; a pattern's stays [0, 1].
PackedMap empty_map(const std::vector<float>& kept) {
  PackedMap map;
  const auto in_unit = [](float v) { return v >= 0 && v <= 1; };
  if (std::all_of(kept.begin(), kept.end(), in_unit)) {
    return map;
  }
  map.encoding = Encoding::range;
  bool any = false;
  for (const float value : kept) {
    if (std::isfinite(value)) {
      map.low = any ? std::min<double>(map.low, value) : value;
      map.high = any ? std::max<double>(map.high, value) : value;
      any = true;
    }
  }
  return map;
}

void write_wide(PackedMap& map, const std::vector<float>& kept) {
  std::string planes(kept.size() * 2, '\0');
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const std::uint16_t code = wide_code(kept[i], map);
    planes[i] = static_cast<char>(code >> 8);
    planes[kept.size() + i] = static_cast<char>(code & 0xff);
  }
  map.bytes = deflated(planes);
}

void write_narrow(PackedMap& map, const std::vector<float>& kept) {
  std::string codes(kept.size(), '\0');
  std::transform(kept.begin(), kept.end(), codes.begin(), [&](float value) {
    return narrow_code(value, map);
  });
  map.bytes = deflated(codes);
}

// The bits that `levels` take at least if values are coded one by one (Shannon), in bytes.
double least_bytes(const std::array<std::int64_t, 256>& counts, int levels) {
  std::array<std::int64_t, 256> merged{};
  std::int64_t total = 0;
  for (int code = 0; code < 256; ++code) {
    const int to = code > kMostLevels ? code : (code * levels + kMostLevels / 2) / kMostLevels;
    merged[static_cast<std::size_t>(to)] += counts[static_cast<std::size_t>(code)];
    total += counts[static_cast<std::size_t>(code)];
  }
  double bits = 0;
  for (const std::int64_t count : merged) {
    bits -= count == 0 ? 0 : static_cast<double>(count) * std::log2(double(count) / double(total));
  }
  return bits / 8;
}

std::array<std::int64_t, 256> counts_of(const std::vector<float>& kept, const PackedMap& map) {
  std::array<std::int64_t, 256> counts{};
  for (const float value : kept) {
    ++counts[static_cast<unsigned char>(narrow_code(value, map))];
  }
  return counts;
}

// Deflate finds what repeats, and may do better than coding values one by one: so levels are tried
// from somewhat more than those promise.
void write_fitting(PackedMap& map, const std::vector<float>& kept, std::int64_t room) {
  constexpr double kRepeats = 1.3;
  map.encoding = map.encoding == Encoding::unit ? Encoding::root : Encoding::coarse;
  map.levels = kMostLevels;
  const auto counts = counts_of(kept, map);
  for (const int levels : kLevels) {
    map.levels = levels;
    const bool last = levels == kLevels.back();
    if (last || least_bytes(counts, levels) <= kRepeats * static_cast<double>(room)) {
      write_narrow(map, kept);
      if (last || static_cast<std::int64_t>(map.bytes.size()) <= room) {
        return;
      }
    }
  }
}

}  // namespace

std::int64_t stored_values(std::int64_t size, Mask mask) {
  return mask == Mask::causal ? size * (size + 1) / 2 : size * size;
}

PackedMap pack_map(std::span<const float> values, std::int64_t size, Mask mask, std::int64_t room) {
  const std::vector<float> kept = stored(values, size, mask);
  PackedMap map = empty_map(kept);
  const auto wide = static_cast<std::int64_t>(kept.size()) * 2;
  if (room == 0 || wide <= room * kHopeless) {
    write_wide(map, kept);
    if (room == 0 || static_cast<std::int64_t>(map.bytes.size()) <= room) {
      return map;
    }
  }
  write_fitting(map, kept, room);
  return map;
}

}  // namespace headscope
