// PlainLanes (packed_lanes_plain.h) in two registers of eight floats. Empty where the file is not
// compiled for AVX2.
#pragma once

#ifdef __AVX2__

#include <cstdint>
#include <cstring>

#include <immintrin.h>

namespace headscope::kernels {

struct Avx2Lanes {
  struct F {
    __m256 low, high;
  };
  struct I {
    __m256i low, high;
  };

  static __m128i eight(const std::uint8_t* from) {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  }
  static __m128i sixteen(const std::uint8_t* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }

  static F load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static F splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F multiply_add(F a, F b, F c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static F multiply(F a, F b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  static float sum(F x) {
    const __m256 eights = _mm256_add_ps(x.low, x.high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eights), _mm256_extractf128_ps(eights, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
  }

  static I bytes(const std::uint8_t* from) {
    return {_mm256_cvtepu8_epi32(eight(from)), _mm256_cvtepu8_epi32(eight(from + 8))};
  }
  static I signed_bytes(const std::uint8_t* from) {
    return {_mm256_cvtepi8_epi32(eight(from)), _mm256_cvtepi8_epi32(eight(from + 8))};
  }
  static F from_f16(const std::uint8_t* from) {
    return {_mm256_cvtph_ps(sixteen(from)), _mm256_cvtph_ps(sixteen(from + 16))};
  }
  static __m256 eight_bf16(const std::uint8_t* from) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(sixteen(from)), 16));
  }
  static F from_bf16(const std::uint8_t* from) { return {eight_bf16(from), eight_bf16(from + 16)}; }
  static float one_f16(const std::uint8_t* from) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, from, sizeof bits);
    return _cvtsh_ss(bits);
  }

  template <int kBits>
  static I shift_right(I x) {
    return {_mm256_srli_epi32(x.low, kBits), _mm256_srli_epi32(x.high, kBits)};
  }
  template <int kBits>
  static I shift_left(I x) {
    return {_mm256_slli_epi32(x.low, kBits), _mm256_slli_epi32(x.high, kBits)};
  }
  static I shift_right_by(I x, int bits) {
    const __m128i by = _mm_cvtsi32_si128(bits);
    return {_mm256_srl_epi32(x.low, by), _mm256_srl_epi32(x.high, by)};
  }
  static I both(I x, std::int32_t mask) {
    const __m256i all = _mm256_set1_epi32(mask);
    return {_mm256_and_si256(x.low, all), _mm256_and_si256(x.high, all)};
  }
  static I either(I a, I b) {
    return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
  }
  static I with_bit(I x, std::uint16_t chosen, std::int32_t bit) {
    const __m256i lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const auto set = [&](int bits) {
      const __m256i mine = _mm256_and_si256(_mm256_set1_epi32(bits), lanes);
      return _mm256_and_si256(_mm256_cmpeq_epi32(mine, lanes), _mm256_set1_epi32(bit));
    };
    return {_mm256_or_si256(x.low, set(chosen)), _mm256_or_si256(x.high, set(chosen >> 8))};
  }
  static F to_float(I x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }
  // A register holds half of the table: both halves are asked, and bit 3 of the index says which
  // answer counts.
  static F look_up(F table, I index) {
    const auto eight_of = [&](__m256i at) {
      const __m256 second = _mm256_castsi256_ps(_mm256_slli_epi32(at, 28));
      return _mm256_blendv_ps(_mm256_permutevar8x32_ps(table.low, at),
                              _mm256_permutevar8x32_ps(table.high, at),
                              second);
    };
    return {eight_of(index.low), eight_of(index.high)};
  }
};

}  // namespace headscope::kernels

#endif
