// Attention with linear biases (Press et al. 2021, arXiv:2108.12409).
#pragma once

#include <cstdint>
#include <vector>

namespace headscope {

// The slope of each head, as transformers computes it for BLOOM and Falcon, in f32: of a power of
// two of heads a geometric series that ends at 2^−8; further heads take every other slope of the
// series for twice as many.
std::vector<double> alibi_slopes(std::int64_t n_heads);

}  // namespace headscope
