// Blocks of packed values to sixteen lanes at a time, and the product over them, for any width of
// lanes (packed_lanes_plain.h says what each operation means). The layouts are told beside
// lib/weights/dequantize.cpp and its neighbours; of four bits, a block is a table of the sixteen
// numbers they stand for.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "lib/kernels/packed_builds.h"

namespace headscope::kernels {
namespace packed {

// Each block: its encoding, how many values and bytes it has, and decode(), which gives kAtOnce
// values from the `first`.

template <typename L>
typename L::F counting() {
  static constexpr float kCount[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return L::load(kCount);
}

// Values 0 to 15 in the low halves of sixteen bytes, 16 to 31 in the high ones.
template <typename L>
void halves(typename L::F table, const std::uint8_t* from, typename L::F* out) {
  const typename L::I both = L::bytes(from);
  out[0] = L::look_up(table, both);
  out[1] = L::look_up(table, L::template shift_right<4>(both));
}

template <typename L>
struct Q4_0 {
  static constexpr std::string_view kEncoding = "Q4_0";
  static constexpr int kBlock = 32, kBytes = 18, kAtOnce = 32;
  static void decode(const std::uint8_t* block, int, typename L::F* out) {
    const float d = L::one_f16(block);
    halves<L>(L::multiply_add(counting<L>(), L::splat(d), L::splat(-8 * d)), block + 2, out);
  }
};

template <typename L>
struct Q4_1 {
  static constexpr std::string_view kEncoding = "Q4_1";
  static constexpr int kBlock = 32, kBytes = 20, kAtOnce = 32;
  static void decode(const std::uint8_t* block, int, typename L::F* out) {
    const typename L::F least = L::splat(L::one_f16(block + 2));
    halves<L>(L::multiply_add(counting<L>(), L::splat(L::one_f16(block)), least), block + 4, out);
  }
};

template <typename L>
struct Iq4Nl {
  static constexpr std::string_view kEncoding = "IQ4_NL";
  static constexpr int kBlock = 32, kBytes = 18, kAtOnce = 32;
  static constexpr float kValues[16] = {
      -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  static void decode(const std::uint8_t* block, int, typename L::F* out) {
    halves<L>(L::multiply(L::load(kValues), L::splat(L::one_f16(block))), block + 2, out);
  }
};

template <typename L>
struct Mxfp4 {
  static constexpr std::string_view kEncoding = "MXFP4";
  static constexpr int kBlock = 32, kBytes = 17, kAtOnce = 32;
  static constexpr float kTwice[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  static float half_scale(std::uint8_t bits) {
    return std::bit_cast<float>(bits < 2 ? 0x00200000u << bits
                                         : static_cast<std::uint32_t>(bits - 1) << 23);
  }
  static void decode(const std::uint8_t* block, int, typename L::F* out) {
    halves<L>(L::multiply(L::load(kTwice), L::splat(half_scale(block[0]))), block + 1, out);
  }
};

// The fifth bits lie apart, bit i of value i.
template <typename L>
void five_bits(const std::uint8_t* high,
               const std::uint8_t* from,
               typename L::F scale,
               typename L::F offset,
               typename L::F* out) {
  std::uint16_t fifth[2];
  std::memcpy(fifth, high, sizeof fifth);
  const typename L::I both = L::bytes(from);
  const typename L::I low = L::with_bit(L::both(both, 15), fifth[0], 16);
  const typename L::I rest = L::with_bit(L::template shift_right<4>(both), fifth[1], 16);
  out[0] = L::multiply_add(L::to_float(low), scale, offset);
  out[1] = L::multiply_add(L::to_float(rest), scale, offset);
}

template <typename L>
struct Q5_0 {
  static constexpr std::string_view kEncoding = "Q5_0";
  static constexpr int kBlock = 32, kBytes = 22, kAtOnce = 32;
  static void decode(const std::uint8_t* block, int, typename L::F* out) {
    const float d = L::one_f16(block);
    five_bits<L>(block + 2, block + 6, L::splat(d), L::splat(-16 * d), out);
  }
};

template <typename L>
struct Q5_1 {
  static constexpr std::string_view kEncoding = "Q5_1";
  static constexpr int kBlock = 32, kBytes = 24, kAtOnce = 32;
  static void decode(const std::uint8_t* block, int, typename L::F* out) {
    const typename L::F least = L::splat(L::one_f16(block + 2));
    five_bits<L>(block + 4, block + 8, L::splat(L::one_f16(block)), least, out);
  }
};

template <typename L>
struct Q8_0 {
  static constexpr std::string_view kEncoding = "Q8_0";
  static constexpr int kBlock = 32, kBytes = 34, kAtOnce = 32;
  static void decode(const std::uint8_t* block, int, typename L::F* out) {
    const typename L::F scale = L::splat(L::one_f16(block));
    out[0] = L::multiply(L::to_float(L::signed_bytes(block + 2)), scale);
    out[1] = L::multiply(L::to_float(L::signed_bytes(block + 18)), scale);
  }
};

// The 6-bit scale and minimum of one of the eight groups of Q4_K and Q5_K, times the block's.
struct Group {
  float scale;
  float least;  // of the group: the minimum with its sign
};
template <typename L>
Group group_of(const std::uint8_t* block, int group) {
  const std::uint8_t* at = block + 4;
  const int scale = group < 4 ? at[group] & 63 : (at[group + 4] & 15) | ((at[group - 4] >> 2) & 48);
  const int minimum =
      group < 4 ? at[group + 4] & 63 : (at[group + 4] >> 4) | ((at[group] >> 2) & 48);
  return {L::one_f16(block) * static_cast<float>(scale),
          -L::one_f16(block + 2) * static_cast<float>(minimum)};
}

template <typename L>
struct Q4K {
  static constexpr std::string_view kEncoding = "Q4_K";
  static constexpr int kBlock = 256, kBytes = 144, kAtOnce = 64;
  static void decode(const std::uint8_t* block, int first, typename L::F* out) {
    typename L::F tables[2];
    for (int i = 0; i < 2; ++i) {
      const Group group = group_of<L>(block, first / 32 + i);
      tables[i] = L::multiply_add(counting<L>(), L::splat(group.scale), L::splat(group.least));
    }
    for (int i = 0; i < 2; ++i) {
      const typename L::I both = L::bytes(block + 16 + first / 2 + 16 * i);
      out[i] = L::look_up(tables[0], both);
      out[2 + i] = L::look_up(tables[1], L::template shift_right<4>(both));
    }
  }
};

template <typename L>
struct Q5K {
  static constexpr std::string_view kEncoding = "Q5_K";
  static constexpr int kBlock = 256, kBytes = 176, kAtOnce = 32;
  static void decode(const std::uint8_t* block, int first, typename L::F* out) {
    const int index = first / 32;
    const Group group = group_of<L>(block, index);
    for (int i = 0; i < 2; ++i) {
      typename L::I low = L::bytes(block + 48 + index / 2 * 32 + 16 * i);
      low = index % 2 == 0 ? L::both(low, 15) : L::template shift_right<4>(low);
      const auto fifth = bits_at(L::bytes(block + 16 + 16 * i), index);
      const typename L::I value = L::either(low, L::template shift_left<4>(fifth));
      out[i] = L::multiply_add(L::to_float(value), L::splat(group.scale), L::splat(group.least));
    }
  }
  // Bit `index` of every lane.
  static typename L::I bits_at(typename L::I x, int index) {
    return L::both(L::shift_right_by(x, index), 1);
  }
};

template <typename L>
struct Q6K {
  static constexpr std::string_view kEncoding = "Q6_K";
  static constexpr int kBlock = 256, kBytes = 210, kAtOnce = 32;
  static void decode(const std::uint8_t* block, int first, typename L::F* out) {
    const float d = L::one_f16(block + 208);
    const int half = first / 128;
    const int run = first % 128 / 32;
    for (int i = 0; i < 2; ++i) {
      const auto scale = static_cast<float>(static_cast<std::int8_t>(block[192 + first / 16 + i]));
      typename L::I low = L::bytes(block + half * 64 + run % 2 * 32 + 16 * i);
      low = run < 2 ? L::both(low, 15) : L::template shift_right<4>(low);
      const typename L::I top =
          L::both(L::shift_right_by(L::bytes(block + 128 + half * 32 + 16 * i), run * 2), 3);
      const typename L::I value = L::either(low, L::template shift_left<4>(top));
      out[i] = L::multiply_add(L::to_float(value), L::splat(d * scale), L::splat(-32 * d * scale));
    }
  }
};

template <typename L>
struct F16 {
  static constexpr std::string_view kEncoding = "F16";
  static constexpr int kBlock = 16, kBytes = 32, kAtOnce = 16;
  static void decode(const std::uint8_t* block, int, typename L::F* out) {
    out[0] = L::from_f16(block);
  }
};

template <typename L>
struct Bf16 {
  static constexpr std::string_view kEncoding = "BF16";
  static constexpr int kBlock = 16, kBytes = 32, kAtOnce = 16;
  static void decode(const std::uint8_t* block, int, typename L::F* out) {
    out[0] = L::from_bf16(block);
  }
};

// Products of `kRows` rows with `kVectors` vectors: a decoded block is used for all of these.
template <typename L, typename Block, int kRows, int kVectors>
void rows_times(const PackedDot& p, std::int64_t row, std::int64_t vector) {
  constexpr int kSteps = Block::kAtOnce / 16;
  typename L::F sums[kRows][kVectors];
  for (auto& of_row : sums) {
    for (auto& sum : of_row) {
      sum = L::splat(0);
    }
  }
  const std::uint8_t* at = p.rows + row * p.row_bytes;
  const float* x = p.x + vector * p.row_length;
  for (std::int64_t k = 0; k < p.row_length; at += Block::kBytes) {
    for (int first = 0; first < Block::kBlock; first += Block::kAtOnce, k += Block::kAtOnce) {
      for (int r = 0; r < kRows; ++r) {
        typename L::F w[kSteps];
        Block::decode(at + r * p.row_bytes, first, w);
        for (int step = 0; step < kSteps; ++step) {
          for (int v = 0; v < kVectors; ++v) {
            sums[r][v] =
                L::multiply_add(w[step], L::load(x + v * p.row_length + k + 16 * step), sums[r][v]);
          }
        }
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      p.out[(vector + v) * p.out_stride + row + r] = L::sum(sums[r][v]);
    }
  }
}

template <typename L, typename Block, int kVectors>
void all_rows_times(const PackedDot& p, std::int64_t vector) {
  constexpr int kRows = kVectors == 1 ? 4 : 1;  // as many sums that do not wait for one another
  std::int64_t row = 0;
  for (; row + kRows <= p.n_rows; row += kRows) {
    rows_times<L, Block, kRows, kVectors>(p, row, vector);
  }
  for (; row < p.n_rows; ++row) {
    rows_times<L, Block, 1, kVectors>(p, row, vector);
  }
}

template <typename L, typename Block>
void product(const PackedDot& p) {
  constexpr int kTogether = 4;
  std::int64_t vector = 0;
  for (; vector + kTogether <= p.vectors; vector += kTogether) {
    all_rows_times<L, Block, kTogether>(p, vector);
  }
  for (; vector < p.vectors; ++vector) {
    all_rows_times<L, Block, 1>(p, vector);
  }
}

template <typename L, typename Block>
constexpr PackedKernel kernel_of() {
  return {Block::kEncoding, Block::kBlock, product<L, Block>};
}

}  // namespace packed

// The list; an encoding is a block above and a line here.
template <typename L>
PackedKernels packed_kernels() {
  using namespace packed;
  static constexpr std::array kAll{kernel_of<L, Q4_0<L>>(),
                                   kernel_of<L, Q4_1<L>>(),
                                   kernel_of<L, Q5_0<L>>(),
                                   kernel_of<L, Q5_1<L>>(),
                                   kernel_of<L, Q8_0<L>>(),
                                   kernel_of<L, Q4K<L>>(),
                                   kernel_of<L, Q5K<L>>(),
                                   kernel_of<L, Q6K<L>>(),
                                   kernel_of<L, Iq4Nl<L>>(),
                                   kernel_of<L, Mxfp4<L>>(),
                                   kernel_of<L, F16<L>>(),
                                   kernel_of<L, Bf16<L>>()};
  return {kAll.data(), kAll.size()};
}

}  // namespace headscope::kernels
