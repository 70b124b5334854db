// Every parameter a ModelConfig calls for, by name, with its shape and the tensor it lives in.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/base/dtype.h"
#include "lib/model/weights.h"

namespace headscope {

// A named range of rows of a tensor: "attn.W_K" is rows of W_QKV. A vector has rows of length 1.
struct Parameter {
  Tensor* tensor = nullptr;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::int64_t row_length = 1;
  std::int64_t d_head = 0;        // of parameters whose rows come in heads
  bool is_norm = false;           // norm parameters stay f32 in every dtype
  std::int64_t heads_per_kv = 1;  // of fused queries, keys and values
  // > 0: the tensor is [experts, rows_of_expert, …], and the range is of each expert's rows.
  std::int64_t experts = 0;
  std::int64_t rows_of_expert = 0;
};

// Parameters outside blocks ("W_E", "ln_final.w", …), and those of one block ("attn.W_Q", …).
std::map<std::string, Parameter> model_parameters(Weights& weights, const ModelConfig& config);
std::map<std::string, Parameter> block_parameters(BlockWeights& block,
                                                  const ModelConfig& config,
                                                  std::int64_t layer);

// Elements of each tensor in which these parameters lie. Doubles: a hostile config's are more than
// an integer holds.
std::vector<double> tensor_sizes(const std::map<std::string, Parameter>& parameters);

// Allocates the tensors of these parameters, on the CPU, unwritten.
void allocate(const std::map<std::string, Parameter>& parameters, DType dtype);

// Allocates every tensor the config calls for, on the CPU, unwritten.
Weights allocate_weights(const ModelConfig& config, DType dtype);

// Calls visit on every tensor of the weights that exists.
void for_each_tensor(Weights& weights, const std::function<void(Tensor&)>& visit);

}  // namespace headscope
