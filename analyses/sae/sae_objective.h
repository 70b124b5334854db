// The loss of a sparse autoencoder on a batch and its gradients, written out: products over codes
// that are 0 are left out (lib/sae/code_support.h), which autograd would not do.
//
// With x [N, d] normalised, x̂ = f·W_dec + b_dec, h = (x − b_dec)·W_enc + b_enc:
//   all       Σ‖x̂ − x‖² / N
//   standard  + λ Σ f·‖W_dec row‖ / N
//   gated     + λ Σ relu(π)·‖W_dec row‖ / N + Σ‖relu(π)·W_dec + b_dec − x‖² / N, the decoder of the
//             last held fixed (Rajamanoharan et al. 2024a), π the gate's pre-activation
//   jumprelu  + λ Σ [h > θ] / N, the gradient of θ by a rectangle of width ε around it
//             (Rajamanoharan et al. 2024b)
//   topk, batchtopk  + α·min(dead / k_aux, 1)·Σ‖ê − e‖² / N: e = x − x̂, held fixed, is decoded from
//             the k_aux = d/2 largest h of dead features (Gao et al. 2024, A.2)
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "analyses/sae/sae_train_options.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// What is trained. Both matrices lie feature by feature, so that a feature's row is in one piece.
struct SaeParameters {
  Tensor W_enc_t;    // [d_sae, d]
  Tensor W_dec;      // [d_sae, d]
  Tensor b_enc;      // [d_sae]; gated: b_gate
  Tensor b_dec;      // [d]
  Tensor threshold;  // [d_sae]; jumprelu
  Tensor b_mag;      // [d_sae]; gated
  Tensor r_mag;      // [d_sae]; gated

  // Those that the architecture has, with their names.
  [[nodiscard]] std::vector<std::pair<std::string_view, Tensor*>> all();
};

struct SaeLoss {
  double weight = 0.0;  // λ at this step
  Tensor dead;          // [n] int64, the dead features; undefined: no auxiliary loss
};

struct SaeStep {
  SaeParameters gradient;
  Tensor squared_error;  // Σ‖x̂ − x‖² / N, a number
  Tensor penalty;        // the term with λ
  Tensor auxiliary;      // that of the gate or of dead features
  Tensor codes;          // how many are not 0, over the batch
  Tensor fired;          // [d_sae] f32: on how many rows
  Tensor lowest;         // batchtopk: the smallest code above 0
  Tensor row_error;      // [N]: ‖x̂ − x‖² of each row
};

SaeStep sae_step(const SaeParameters& parameters,
                 const SaeTrainOptions& options,
                 const SaeLoss& loss,
                 const Tensor& x);

}  // namespace headscope
