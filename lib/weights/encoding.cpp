#include "lib/weights/encoding.h"

#include <array>

namespace headscope {
namespace {

struct GgufType {
  std::uint32_t type;
  Encoding encoding;
};

// https://github.com/ggml-org/ggml/blob/master/include/ggml.h (enum ggml_type) and the block sizes
// of its quantised types. Types 4, 5, 31–33 and 36–38 were removed from the format.
constexpr std::array kGgufTypes{
    GgufType{0, {"F32", 1, 32, DType::f32}},
    GgufType{1, {"F16", 1, 16, DType::f16}},
    GgufType{2, {"Q4_0", 32, 18 * 8, {}, dequantize_q4_0}},
    GgufType{3, {"Q4_1", 32, 20 * 8, {}, dequantize_q4_1}},
    GgufType{6, {"Q5_0", 32, 22 * 8, {}, dequantize_q5_0}},
    GgufType{7, {"Q5_1", 32, 24 * 8, {}, dequantize_q5_1}},
    GgufType{8, {"Q8_0", 32, 34 * 8, {}, dequantize_q8_0}},
    GgufType{9, {"Q8_1", 32, 40 * 8}},
    GgufType{10, {"Q2_K", 256, 84 * 8, {}, dequantize_q2_k}},
    GgufType{11, {"Q3_K", 256, 110 * 8, {}, dequantize_q3_k}},
    GgufType{12, {"Q4_K", 256, 144 * 8, {}, dequantize_q4_k}},
    GgufType{13, {"Q5_K", 256, 176 * 8, {}, dequantize_q5_k}},
    GgufType{14, {"Q6_K", 256, 210 * 8, {}, dequantize_q6_k}},
    GgufType{15, {"Q8_K", 256, 292 * 8}},
    GgufType{16, {"IQ2_XXS", 256, 66 * 8}},
    GgufType{17, {"IQ2_XS", 256, 74 * 8}},
    GgufType{18, {"IQ3_XXS", 256, 98 * 8}},
    GgufType{19, {"IQ1_S", 256, 50 * 8}},
    GgufType{20, {"IQ4_NL", 32, 18 * 8, {}, dequantize_iq4_nl}},
    GgufType{21, {"IQ3_S", 256, 110 * 8}},
    GgufType{22, {"IQ2_S", 256, 82 * 8}},
    GgufType{23, {"IQ4_XS", 256, 136 * 8, {}, dequantize_iq4_xs}},
    GgufType{24, {"I8", 1, 8}},
    GgufType{25, {"I16", 1, 16}},
    GgufType{26, {"I32", 1, 32}},
    GgufType{27, {"I64", 1, 64}},
    GgufType{28, {"F64", 1, 64}},
    GgufType{29, {"IQ1_M", 256, 56 * 8}},
    GgufType{30, {"BF16", 1, 16, DType::bf16}},
    GgufType{34, {"TQ1_0", 256, 54 * 8}},
    GgufType{35, {"TQ2_0", 256, 66 * 8}},
    GgufType{39, {"MXFP4", 32, 17 * 8, {}, dequantize_mxfp4}},
};

// https://github.com/huggingface/safetensors/blob/main/safetensors/src/tensor.rs (enum Dtype)
constexpr std::array kSafetensorsTypes{
    Encoding{"F32", 1, 32, DType::f32},
    Encoding{"F16", 1, 16, DType::f16},
    Encoding{"BF16", 1, 16, DType::bf16},
    Encoding{"F64", 1, 64},
    Encoding{"C64", 1, 64},
    Encoding{"BOOL", 1, 8},
    Encoding{"U8", 1, 8},
    Encoding{"I8", 1, 8},
    Encoding{"U16", 1, 16},
    Encoding{"I16", 1, 16},
    Encoding{"U32", 1, 32},
    Encoding{"I32", 1, 32},
    Encoding{"U64", 1, 64},
    Encoding{"I64", 1, 64},
    Encoding{"F8_E5M2", 1, 8},
    Encoding{"F8_E4M3", 1, 8},
    Encoding{"F8_E8M0", 1, 8},
    Encoding{"F6_E2M3", 1, 6},
    Encoding{"F6_E3M2", 1, 6},
    Encoding{"F4", 1, 4},
};

}  // namespace

std::optional<std::uint64_t> Encoding::bytes(std::uint64_t values) const {
  std::uint64_t total = 0;
  if (values % static_cast<std::uint64_t>(block) != 0 ||
      __builtin_mul_overflow(
          values / static_cast<std::uint64_t>(block), static_cast<std::uint64_t>(bits), &total) ||
      total % 8 != 0) {
    return std::nullopt;
  }
  return total / 8;
}

const Encoding* find_gguf_encoding(std::uint32_t type) {
  for (const GgufType& known : kGgufTypes) {
    if (known.type == type) {
      return &known.encoding;
    }
  }
  return nullptr;
}

const Encoding* find_safetensors_encoding(std::string_view dtype) {
  for (const Encoding& known : kSafetensorsTypes) {
    if (known.name == dtype) {
      return &known;
    }
  }
  return nullptr;
}

}  // namespace headscope
