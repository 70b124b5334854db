// Reading a vector as one number a prompt, and the same reading moved in front of a norm.
#pragma once

#include "lib/model/config.h"
#include "lib/model/weights.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// value ↦ value · vector + constant, row by row.
struct Readout {
  Tensor vector;    // [B, d] f32
  Tensor constant;  // [B] f64: what is added whatever the value is
};

// value · vector, without the constant: [B] f64. `value`: [B, d] or [d].
Tensor read(const Tensor& value, const Readout& readout);

// The same on another device.
Readout moved(const Readout& readout, const at::Device& device);

// The readout r′ of what enters a norm such that r′(x) = after(norm(x)) for the x whose divisor is
// `scale` ([B, 1] f32), and that is linear in x, as the norm is once its divisor is frozen:
//   (x − mean(x))/σ · γ · w + β · w = x · centred(γ ⊙ w)/σ + β · w
// so that the readout is centred once instead of every component of x. RMSNorm: nothing is centred.
// Without a norm it is `after`, and `scale` undefined.
// (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; the frozen norm as in
// TransformerLens's apply_ln_to_stack.)
Readout before_norm(const Readout& after,
                    const NormWeights& weights,
                    Norm norm,
                    const Tensor& scale);

}  // namespace headscope
