// The gradient at what each reader reads, without a stream a reader in the forward pass.
#pragma once

#include <vector>

#include "lib/base/node.h"
#include "lib/model/model.h"

namespace headscope {

// The stream a layer's heads read, as its norm takes it apart: of n positions.
struct NormalizedStream {
  Tensor normalized;  // [n, d_model] f32, before the gain
  Tensor scale;       // [n, 1]
};
NormalizedStream normalized_stream(const Model& model, const Tensor& stream);  // [n, d_model]

// What a norm does to a gradient: exactly, or with its divisor held constant (RelP's LN rule).
enum class NormGradient { exact, constant_scale };

// ∂/∂ hook_q (or k, v): [n, H, d_head].
struct HeadInputGradient {
  HeadInput input = HeadInput::q;
  Tensor gradient;
};

// ∂/∂ hook_q_input (k_input, v_input) of each of `inputs` in turn, [inputs · H, n, d_model] f32,
// from ∂/∂ hook_q (k, v): through the projection, and ln1, whose divisor each head's view has for
// itself. Of a model whose every query head has keys and values of its own
// (lib/model/ungrouped.h).
Tensor head_reader_gradients(const Model& model,
                             std::int64_t layer,
                             const std::vector<HeadInputGradient>& inputs,
                             const NormalizedStream& stream,
                             NormGradient norm = NormGradient::exact);

}  // namespace headscope
