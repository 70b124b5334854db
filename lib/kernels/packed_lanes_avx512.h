// PlainLanes (packed_lanes_plain.h) in a register of sixteen floats. Empty where the file is not
// compiled for AVX-512.
#pragma once

#ifdef __AVX512F__

#include <cstdint>
#include <cstring>

#include <immintrin.h>

namespace headscope::kernels {

struct Avx512Lanes {
  using F = __m512;
  using I = __m512i;

  static __m128i sixteen(const std::uint8_t* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }
  static __m256i thirty_two(const std::uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }

  static F load(const float* from) { return _mm512_loadu_ps(from); }
  static F splat(float x) { return _mm512_set1_ps(x); }
  static F multiply_add(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F multiply(F a, F b) { return _mm512_mul_ps(a, b); }
  static float sum(F x) { return _mm512_reduce_add_ps(x); }

  static I bytes(const std::uint8_t* from) { return _mm512_cvtepu8_epi32(sixteen(from)); }
  static I signed_bytes(const std::uint8_t* from) { return _mm512_cvtepi8_epi32(sixteen(from)); }
  static F from_f16(const std::uint8_t* from) { return _mm512_cvtph_ps(thirty_two(from)); }
  static F from_bf16(const std::uint8_t* from) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(thirty_two(from)), 16));
  }
  static float one_f16(const std::uint8_t* from) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, from, sizeof bits);
    return _cvtsh_ss(bits);
  }

  template <int kBits>
  static I shift_right(I x) {
    return _mm512_srli_epi32(x, kBits);
  }
  template <int kBits>
  static I shift_left(I x) {
    return _mm512_slli_epi32(x, kBits);
  }
  static I shift_right_by(I x, int bits) { return _mm512_srl_epi32(x, _mm_cvtsi32_si128(bits)); }
  static I both(I x, std::int32_t mask) { return _mm512_and_si512(x, _mm512_set1_epi32(mask)); }
  static I either(I a, I b) { return _mm512_or_si512(a, b); }
  static I with_bit(I x, std::uint16_t chosen, std::int32_t bit) {
    return _mm512_mask_or_epi32(x, chosen, x, _mm512_set1_epi32(bit));
  }
  static F to_float(I x) { return _mm512_cvtepi32_ps(x); }
  static F look_up(F table, I index) { return _mm512_permutexvar_ps(index, table); }
};

}  // namespace headscope::kernels

#endif
