#include <bit>

#include "lib/weights/block_bytes.h"
#include "lib/weights/dequantize.h"

namespace headscope {
namespace {

constexpr int kNibbleBlock = 32;
constexpr int kNibbleHalf =
    16;  // low nibbles hold the first half of a block, high nibbles the second

// Twice the values that four bits of the OCP microscaling formats stand for (E2M1).
constexpr float kTwiceE2m1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// The values that four bits of IQ4 stand for, times a block's scale.
constexpr float kIq4[16] = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// Half of 2^(bits − 127), an exponent of the OCP microscaling formats (E8M0).
HEADSCOPE_INLINE float half_of_e8m0(std::uint8_t bits) {
  return std::bit_cast<float>(bits < 2 ? 0x00200000u << bits
                                       : static_cast<std::uint32_t>(bits - 1) << 23);
}

}  // namespace

HEADSCOPE_MULTIVERSION void dequantize_mxfp4(const std::uint8_t* from,
                                             std::int64_t blocks,
                                             float* out) {
  for (; blocks > 0; --blocks, from += 17, out += kNibbleBlock) {
    const float d = half_of_e8m0(from[0]);
    const std::uint8_t* q = from + 1;
    for (int i = 0; i < kNibbleHalf; ++i) {
      out[i] = d * kTwiceE2m1[q[i] & 15];
      out[i + kNibbleHalf] = d * kTwiceE2m1[q[i] >> 4];
    }
  }
}

void dequantize_mxfp4_neighbours(const std::uint8_t* block, std::uint8_t scale, float* out) {
  const float d = half_of_e8m0(scale);
  for (int i = 0; i < kNibbleHalf; ++i) {
    out[2 * i] = d * kTwiceE2m1[block[i] & 15];
    out[2 * i + 1] = d * kTwiceE2m1[block[i] >> 4];
  }
}

HEADSCOPE_MULTIVERSION void dequantize_iq4_nl(const std::uint8_t* from,
                                              std::int64_t blocks,
                                              float* out) {
  for (; blocks > 0; --blocks, from += 18, out += kNibbleBlock) {
    const float d = f16_at(from);
    const std::uint8_t* q = from + 2;
    for (int i = 0; i < kNibbleHalf; ++i) {
      out[i] = d * kIq4[q[i] & 15];
      out[i + kNibbleHalf] = d * kIq4[q[i] >> 4];
    }
  }
}

// 8 groups of 32 values, each with a scale of six bits: the low four in bytes 4 to 7, two groups a
// byte, the high two in the 16 bits of bytes 2 and 3.
HEADSCOPE_MULTIVERSION void dequantize_iq4_xs(const std::uint8_t* from,
                                              std::int64_t blocks,
                                              float* out) {
  for (; blocks > 0; --blocks, from += 136) {
    const float d = f16_at(from);
    const int high = from[2] | from[3] << 8;
    for (int group = 0; group < 8; ++group, out += kNibbleBlock) {
      const int low = (from[4 + group / 2] >> (group % 2 * 4)) & 15;
      const float scale = d * static_cast<float>((low | ((high >> (2 * group)) & 3) << 4) - 32);
      const std::uint8_t* q = from + 8 + group * kNibbleHalf;
      for (int i = 0; i < kNibbleHalf; ++i) {
        out[i] = scale * kIq4[q[i] & 15];
        out[i + kNibbleHalf] = scale * kIq4[q[i] >> 4];
      }
    }
  }
}

}  // namespace headscope
