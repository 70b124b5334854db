// An attention map as the HTML viewer stores it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "cli/render/heat_map.h"

namespace headscope {

struct PackedMap {
  // unit: code / 65535. range: low + code / 65532 × (high − low), with 65533 −inf, 65534 +inf,
  // 65535 NaN.
  enum class Encoding { unit, range };
  Encoding encoding = Encoding::unit;
  double low = 0;
  double high = 1;
  // Deflated (zlib) codes, row by row, only keys ≤ query if causal: first every code's high byte,
  // then every low byte, which compresses better.
  std::string bytes;
};

// `values` [size, size]. Throws ResourceError if zlib runs out of memory.
PackedMap pack_map(std::span<const float> values, std::int64_t size, Mask mask);

}  // namespace headscope
