// How much later heads read of what earlier heads write, from weights alone.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "lib/model/model.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// q: ‖W_OV^A W_QK^B‖, k: ‖W_QK^B W_OV^Aᵀ‖, v: ‖W_OV^A W_OV^B‖, each over the product of the two
// Frobenius norms, head A in an earlier layer than B; matrices act on rows from the right, with
// norms folded in (head_weights.h) and a KV group's keys and values in each of its heads. (Elhage
// et al. 2021, "A Mathematical Framework for Transformer Circuits", "Composition".)
enum class CompositionKind { q, k, v };
inline constexpr std::array kCompositionKinds{
    CompositionKind::q, CompositionKind::k, CompositionKind::v};

// Instead of d_model × d_model products: the norm of a product is Σ (AᵀA ∘ BBᵀ), and both Gram
// matrices come from d_head × d_model factors; they are met block of rows by block, so that memory
// stays at `rows_at_once` · d_model · heads.
struct CompositionOptions {
  // Of the stream that A writes, dimension i is given for dimension shuffle[i]: a control, in which
  // nothing but the alignment is lost. [d_model] int64; undefined: none.
  Tensor shuffle{};
  std::int64_t rows_at_once = 32;
  std::function<bool()> stop = {};
};

// [3, L·H, L·H] f32: kind, writing head A, reading head B, each as layer · n_heads + head; NaN
// where B is not in a later layer. Undefined if it was stopped.
Tensor composition_scores(const Model& model, const CompositionOptions& options = {});

// The mean of the same for `pairs` pairs of heads whose four matrices are Gaussian, of the model's
// shapes; the same for every kind.
double random_composition(const ModelConfig& config, std::int64_t pairs, std::uint64_t seed);

}  // namespace headscope
