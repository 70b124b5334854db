// The small sparse autoencoder of discrete-code circuits: one for all heads, trained on what they
// write for a handful of prompts (O'Neill & Bui 2024, arXiv:2405.12522). Autoencoders for whole
// models are those of lib/sae.
#pragma once

#include <cstdint>
#include <functional>

#include "lib/tensor/tensor.h"

namespace headscope {

struct CodeSaeOptions {
  std::int64_t codes = 200;  // features of the dictionary
  double l1 = 0.02;          // λ of the sparsity penalty
  double learning_rate = 1e-3;
  std::int64_t epochs = 500;  // each one step of Adam on all vectors
  std::uint64_t seed = 0;     // of the initial weights
  std::function<bool()> stop = {};
};

// f = ReLU((x − b) W_e + b_e), x̂ = f W_d + b; all f32 on the device of what it was trained on.
struct CodeSae {
  Tensor W_e;  // [d, codes]
  Tensor b_e;  // [codes]
  Tensor W_d;  // [codes, d]
  Tensor b;    // [d]

  [[nodiscard]] Tensor encode(const Tensor& x) const;  // […, d] → […, codes]
  [[nodiscard]] Tensor decode(const Tensor& f) const;
};

// Of mean((x̂ − x)²) over all elements + λ · the mean over vectors of Σ f.
double code_sae_loss(const CodeSae& sae, const Tensor& x, double l1);

// x [vectors, d] f32. Adam with the defaults of its paper (β 0.9 and 0.999, ε 1e-8); rows of W_d,
// and columns of W_e, begin with norm 1, b_e uniform in ±1/√d, b at 0. A step loses the part of
// W_d's gradient along each row, so that shrinking f and stretching W_d pays nothing; rows are not
// normalised again. Throws Interrupted if `stop` said so.
CodeSae train_code_sae(const Tensor& x, const CodeSaeOptions& options);

// The code of each vector, […, d] → […] int64: its strongest feature, 0 where none is active.
Tensor codes_of(const CodeSae& sae, const Tensor& x);

}  // namespace headscope
