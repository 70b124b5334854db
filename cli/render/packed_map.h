// An attention map as the HTML viewer stores it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "cli/render/heat_map.h"

namespace headscope {

// Two bytes a value where there is room, one where there is not. One byte of a pattern holds the
// root of its value, so that the small values, which are nearly all of a long row, stay apart.
struct PackedMap {
  // unit: code / 65535. range: low + code / 65532 × (high − low), with 65533 −inf, 65534 +inf,
  // 65535 NaN. root: high × (code / levels)². coarse: low + code / levels × (high − low), with 253
  // −inf, 254 +inf, 255 NaN.
  enum class Encoding { unit, range, root, coarse };
  Encoding encoding = Encoding::unit;
  double low = 0;
  double high = 1;
  int levels = 0;  // root and coarse
  // Deflated (zlib) codes, row by row, only keys ≤ query if causal. Two bytes a value: first every
  // code's high byte, then every low byte, which compresses better.
  std::string bytes;
};

// How many values of a map of `size` tokens are stored.
std::int64_t stored_values(std::int64_t size, Mask mask);

// `values` [size, size], in at most `room` bytes (0: no limit): with two bytes a value if they fit,
// else with one and the most levels that fit, never fewer than 7. Throws ResourceError if zlib runs
// out of memory.
PackedMap pack_map(std::span<const float> values,
                   std::int64_t size,
                   Mask mask,
                   std::int64_t room = 0);

}  // namespace headscope
