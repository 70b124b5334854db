// Tensors in files, and how tests compare them.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "lib/tensor/tensor.h"

namespace headscope::test {

inline constexpr double kTolerance =
    1e-4;  // fp32 against Hugging Face, relative as difference() is

using Tensors = std::map<std::string, Tensor>;

// Any safetensors file of f32 and i64, read independently of lib/weights.
Tensors read_tensors(const std::filesystem::path& path);

// max |got − want| / max(1, max |want|). +∞ where shapes differ, or one is infinite or not a number
// and the other is not.
double difference(const Tensor& got, const Tensor& want);

// Bit for bit.
bool identical(const Tensor& a, const Tensor& b);

}  // namespace headscope::test
