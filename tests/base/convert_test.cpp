// convert()'s loops against plain definitions of the formats.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "lib/base/half.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

// The value of an f16 by its definition.
float defined_f16(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 1023;
  const float sign = (bits & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 0) {
    return sign * std::ldexp(static_cast<float>(mantissa), -24);
  }
  return sign * std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
}

// Rounds by definition: the nearest multiple of the last place, ties to even.
std::uint16_t defined_rounding(float value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const double magnitude = std::fabs(static_cast<double>(value));
  const int exponent = magnitude == 0 ? -14 : std::max(std::ilogb(magnitude), -14);
  const double units = std::nearbyint(std::ldexp(magnitude, 10 - exponent));
  const double rounded = std::ldexp(units, exponent - 10);
  if (rounded >= 65536.0) {
    return static_cast<std::uint16_t>(sign | 0x7c00);
  }
  const auto code = static_cast<int>(units) + (exponent + 14) * 1024;
  return static_cast<std::uint16_t>(sign | code);
}

std::vector<float> interesting_floats() {
  std::mt19937_64 random(20260701);
  std::vector<float> values;
  for (int i = 0; i < 300'000; ++i) {  // any bits: NaNs, infinities and subnormals among them
    values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
  }
  for (int i = 0; i < 300'000; ++i) {  // the range of f16 and its edges
    const int exponent = static_cast<int>(random() % 45) - 28;
    const auto mantissa = static_cast<float>(random() % (1u << 24));
    values.push_back(std::ldexp(random() % 2 == 0 ? mantissa : -mantissa, exponent - 23));
  }
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {  // every tie
    const double low = defined_f16(static_cast<std::uint16_t>(bits));
    const double high =
        bits == 0x7bff ? 65536.0 : defined_f16(static_cast<std::uint16_t>(bits + 1));
    const auto tie = static_cast<float>((low + high) / 2);
    values.insert(values.end(), {tie, -tie, std::nextafter(tie, 0.0f), std::nextafter(tie, 1e9f)});
  }
  for (const float value : {0.0f,
                            -0.0f,
                            std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::denorm_min()}) {
    values.push_back(value);
  }
  return values;
}

}  // namespace

TEST_CASE("all f16 widen to their values, one by one and in a loop") {
  std::vector<std::uint16_t> bits(65536);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    bits[i] = static_cast<std::uint16_t>(i);
  }
  std::vector<float> wide(bits.size());
  convert(bits.data(), DType::f16, wide.data(), DType::f32, bits.size());
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const auto got = std::bit_cast<std::uint32_t>(wide[i]);
    REQUIRE(got == std::bit_cast<std::uint32_t>(f16_to_f32(bits[i])));
    if ((bits[i] & 0x7c00) != 0x7c00) {
      REQUIRE(got == std::bit_cast<std::uint32_t>(defined_f16(bits[i])));
    } else {  // infinities and NaNs keep sign and payload
      REQUIRE(got == (0x7f800000u | (bits[i] & 0x8000u) << 16 | (bits[i] & 0x3ffu) << 13));
    }
  }
}

TEST_CASE("f32 narrows by definition, one by one and in a loop") {
  const std::vector<float> values = interesting_floats();
  std::vector<std::uint16_t> half(values.size());
  std::vector<std::uint16_t> brain(values.size());
  convert(values.data(), DType::f32, half.data(), DType::f16, values.size());
  convert(values.data(), DType::f32, brain.data(), DType::bf16, values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    REQUIRE(half[i] == f32_to_f16(values[i]));
    REQUIRE(brain[i] == f32_to_bf16(values[i]));
    if (std::isnan(values[i])) {
      REQUIRE(half[i] == (std::signbit(values[i]) ? 0xfe00 : 0x7e00));
      REQUIRE(brain[i] == 0x7fc0);
    } else if (std::isfinite(values[i])) {
      REQUIRE(half[i] == defined_rounding(values[i]));
    }
  }
}

TEST_CASE("16-bit formats convert into each other through f32") {
  std::vector<std::uint16_t> bits(65536);
  std::vector<std::uint16_t> out(bits.size());
  for (std::size_t i = 0; i < bits.size(); ++i) {
    bits[i] = static_cast<std::uint16_t>(i);
  }
  convert(bits.data(), DType::f16, out.data(), DType::bf16, bits.size());
  for (std::size_t i = 0; i < bits.size(); ++i) {
    REQUIRE(out[i] == f32_to_bf16(f16_to_f32(bits[i])));
  }
  convert(bits.data(), DType::bf16, out.data(), DType::f16, bits.size());
  for (std::size_t i = 0; i < bits.size(); ++i) {
    REQUIRE(out[i] == f32_to_f16(bf16_to_f32(bits[i])));
  }
  convert(bits.data(), DType::bf16, out.data(), DType::bf16, bits.size());
  CHECK(out == bits);
}

TEST_CASE("any count at any address converts, and nothing beyond") {
  const std::vector<std::uint16_t> half(64, f32_to_f16(1.5f));
  std::vector<char> from(half.size() * 2 + 1);
  std::memcpy(from.data() + 1, half.data(), half.size() * 2);
  for (std::size_t count = 0; count <= half.size(); ++count) {
    std::vector<char> to(count * 4 + 2, 'x');
    convert(from.data() + 1, DType::f16, to.data() + 1, DType::f32, count);
    REQUIRE(to.front() == 'x');
    REQUIRE(to.back() == 'x');
    for (std::size_t i = 0; i < count; ++i) {
      float value = 0.0f;
      std::memcpy(&value, to.data() + 1 + 4 * i, 4);
      REQUIRE(value == 1.5f);
    }
  }
  convert(nullptr, DType::f16, nullptr, DType::f32, 0);
}
