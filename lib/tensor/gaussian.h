// Gaussian numbers that are the same on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/tensor/tensor.h"

namespace headscope {

// f32 on the CPU, independent for every seed and `stream`.
Tensor gaussian(const std::vector<std::int64_t>& shape, std::uint64_t seed, std::uint64_t stream);

// 0 … n − 1 in random order, int64 on the CPU.
Tensor permutation(std::int64_t n, std::uint64_t seed);

}  // namespace headscope
