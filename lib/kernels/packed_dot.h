// Products of vectors with rows whose values lie packed, as files store them: every block is
// de-quantised in registers on its way into the sum, so that memory is read once and packed.
// No Torch here: the widest build is compiled for processors that may not be this one.
#pragma once

#include <cstdint>
#include <string_view>

namespace headscope::kernels {

// out[v, r] = Σ_k row_r[k] · x[v, k], summed in f32. Values are those that
// WeightSource::read_rows() decodes, to the rounding of one product and one sum.
struct PackedDot {
  const std::uint8_t* rows;  // as stored, each a whole number of blocks; no alignment needed
  std::int64_t row_bytes;
  std::int64_t n_rows;
  std::int64_t row_length;
  const float* x;  // [vectors, row_length], contiguous
  std::int64_t vectors;
  float* out;  // [vectors, ·], of which n_rows columns are written
  std::int64_t out_stride;
};
using PackedDotKernel = void (*)(const PackedDot& product);

// How wide the vectors are that a build computes with: 16 plain floats (the readable reference),
// two registers of eight or one of sixteen.
enum class Lanes { plain, avx2, avx512 };

// The widest that this processor runs.
Lanes widest_lanes();

// Of rows of `row_length` values in the encoding of that name (lib/weights/encoding.h); nullptr
// where there is none, and the caller de-quantises by itself.
PackedDotKernel packed_dot(Lanes lanes, std::string_view encoding, std::int64_t row_length);

}  // namespace headscope::kernels
