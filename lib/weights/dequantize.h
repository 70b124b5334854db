// GGUF's quantised blocks to f32, bit for bit as the `gguf` Python package: every scale is taken to
// f32 first and every product and sum is rounded on its own (no fused multiply-add).
// Layouts: https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h
#pragma once

#include <cstdint>

namespace headscope {

// Each decodes `blocks` blocks at `from` (no alignment needed) to `out`.
using Dequantize = void (*)(const std::uint8_t* from, std::int64_t blocks, float* out);

// Blocks of 32 values: one f16 scale, for the _1 kinds also an f16 minimum.
void dequantize_q4_0(const std::uint8_t* from, std::int64_t blocks, float* out);
void dequantize_q4_1(const std::uint8_t* from, std::int64_t blocks, float* out);
void dequantize_q5_0(const std::uint8_t* from, std::int64_t blocks, float* out);
void dequantize_q5_1(const std::uint8_t* from, std::int64_t blocks, float* out);
void dequantize_q8_0(const std::uint8_t* from, std::int64_t blocks, float* out);

// Super-blocks of 256 values ("K quants"): groups of 16 or 32 with small integer scales.
void dequantize_q2_k(const std::uint8_t* from, std::int64_t blocks, float* out);
void dequantize_q3_k(const std::uint8_t* from, std::int64_t blocks, float* out);
void dequantize_q4_k(const std::uint8_t* from, std::int64_t blocks, float* out);
void dequantize_q5_k(const std::uint8_t* from, std::int64_t blocks, float* out);
void dequantize_q6_k(const std::uint8_t* from, std::int64_t blocks, float* out);

// Blocks of 32 values of four bits that stand for numbers of a table: MXFP4 (OCP Microscaling
// Formats 1.0: E2M1 values, a power of two as scale) and IQ4_NL (one f16 scale); IQ4_XS groups
// eight of these under one more.
void dequantize_mxfp4(const std::uint8_t* from, std::int64_t blocks, float* out);
void dequantize_iq4_nl(const std::uint8_t* from, std::int64_t blocks, float* out);
void dequantize_iq4_xs(const std::uint8_t* from, std::int64_t blocks, float* out);

// One block of MXFP4 as gpt-oss's safetensors files hold it: neighbours share a byte, and the scale
// lies apart.
void dequantize_mxfp4_neighbours(const std::uint8_t* block, std::uint8_t scale, float* out);

}  // namespace headscope
