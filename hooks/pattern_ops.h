// Ops of interventions that make patterns [B, n_heads, query, key] out of patterns.
#pragma once

#include <cstdint>
#include <string>

#include "lib/model/tap.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// The k largest weights of each query, of equal ones those of earlier keys, scaled so that a row
// sums to what it did.
Tensor strongest_weights(const Tensor& pattern, std::int64_t k);

// `weights` [L], one of each of a row's tokens from its first on, further ones 0; of every query.
Tensor given_weights(const Visit& visit, const Tensor& pattern, const Tensor& weights);
// Throws UsageError for another shape, for a negative weight and for a sum that is not 1.
void check_weights(const Tensor& weights, const std::string& site);
// Throws UsageError for a selected query (undefined: all) whose weights do not sum to 1: some were
// given to tokens that it does not see.
void check_rows(const Visit& visit, const Tensor& pattern, const Tensor& selected);

// The columns behind each row's prompt, [B, 1, 1, 1] int64: what a model wrote begins there.
Tensor ends_of_prompts(const BatchLayout& layout, const at::Device& device);

// Attention calibration (Yu et al. 2024, arXiv:2406.15765). A sink is a key of the prompt whose
// mean weight, over the prompt's queries from its own on, is above `threshold`: what a model wrote
// behind it does not count, as it did not when the prompt ran. A head's first sink in a row stays
// as it is. The others keep `factor` of their weight, and each query's other keys, the first sink
// among them, share what is free in proportion to their weights. Throws UsageError for a pass that
// does not show the whole of its rows, whose means it could not know.
struct SinkCalibration {
  double threshold = 0.0;
  double factor = 1.0;
};
Tensor calibrated_sinks(const Visit& visit, const Tensor& pattern, SinkCalibration how);

}  // namespace headscope
