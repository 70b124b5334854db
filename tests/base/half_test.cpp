#include "lib/base/half.h"

#include <cmath>
#include <limits>

#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("every f16 survives the way to f32 and back") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float wide = f16_to_f32(static_cast<std::uint16_t>(bits));
    if (!std::isnan(wide)) {
      REQUIRE(f32_to_f16(wide) == bits);
    }
  }
}

TEST_CASE("f16 rounds to nearest even and overflows to infinity") {
  CHECK(f16_to_f32(f32_to_f16(1.0f + 1.0f / 2048)) == 1.0f);
  CHECK(f16_to_f32(f32_to_f16(1.0f + 3.0f / 2048)) == 1.0f + 4.0f / 2048);
  CHECK(f16_to_f32(f32_to_f16(65519.0f)) == 65504.0f);
  CHECK(std::isinf(f16_to_f32(f32_to_f16(65520.0f))));
  CHECK(f16_to_f32(f32_to_f16(std::ldexp(1.0f, -24))) == std::ldexp(1.0f, -24));
  CHECK(std::isnan(f16_to_f32(f32_to_f16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST_CASE("bf16 rounds to nearest even") {
  CHECK(bf16_to_f32(f32_to_bf16(1.0f + 1.0f / 256)) == 1.0f);
  CHECK(bf16_to_f32(f32_to_bf16(1.0f + 3.0f / 256)) == 1.0f + 4.0f / 256);
  CHECK(std::isnan(bf16_to_f32(f32_to_bf16(std::numeric_limits<float>::quiet_NaN()))));
}
