// A sparse autoencoder as a value: weights that encode rows of activations into codes and decode
// them. It knows nothing of training (analyses/sae) and of models (hooks).
#pragma once

#include <cstdint>
#include <string>

#include "lib/sae/code_support.h"
#include "lib/sae/sae_config.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// Of one floating dtype on one device. Tensors that the architecture does not have are undefined.
struct SaeWeights {
  Tensor W_enc;      // [d_in, d_sae]
  Tensor W_dec;      // [d_sae, d_out]
  Tensor b_enc;      // [d_sae]; not gated
  Tensor b_dec;      // [d_out]
  Tensor threshold;  // [d_sae]; jumprelu, batchtopk
  Tensor b_gate;     // [d_sae]; gated, as the next two
  Tensor b_mag;
  Tensor r_mag;
  Tensor W_skip;  // [d_out, d_in]; skip transcoders: x·W_skipᵀ is added to what is decoded
};

// The codes f of rows of activations.
struct SaeCodes {
  CodeSupport support;
  Tensor values;  // as support says; negative ones are possible only where an edit put them
  // [N, 1]: a decoded row y becomes y · row_scale + row_shift, which undoes the normalisation of
  // its input. Undefined where there is none.
  Tensor row_scale;
  Tensor row_shift;

  [[nodiscard]] Tensor dense() const { return support.to_dense(values); }  // [N, d_sae]
};

// Rows as the encoder sees them, and what undoes it.
struct NormalisedRows {
  Tensor x;      // [N, d]
  Tensor scale;  // [N, 1], or undefined, as in SaeCodes
  Tensor shift;
};
NormalisedRows normalised_rows(const Tensor& x, SaeNormalisation normalisation);

// Cheap to copy: tensors are shared and never changed in place.
class Sae {
 public:
  // Throws DataError, opening with `where`, for a missing tensor or one of another shape.
  Sae(SaeConfig config, SaeWeights weights, const std::string& where);

  [[nodiscard]] const SaeConfig& config() const { return config_; }
  [[nodiscard]] const SaeWeights& weights() const { return weights_; }

  // x: [N, d_in] of any floating dtype, on the weights' device. UsageError for another width.
  [[nodiscard]] SaeCodes encode(const Tensor& x) const;
  // [N, d_out], of the weights' dtype, in the units of the activations. A transcoder's skip
  // connection is no part of it.
  [[nodiscard]] Tensor decode(const SaeCodes& codes) const;
  // The same of dense codes [N, d_sae], which somebody changed, of the rows that `codes` are of.
  [[nodiscard]] Tensor decode_dense(const Tensor& dense, const SaeCodes& codes) const;
  // What decode() gives more if the codes of some features grow: `change` [N, n] of the `features`
  // [n] int64, of the rows that `codes` are of. Of no other row or feature than these is anything
  // computed.
  [[nodiscard]] Tensor decoded_change(const Tensor& change,
                                      const Tensor& features,
                                      const SaeCodes& codes) const;
  // decode(encode(x)) and the skip connection: what replaces x, or for a transcoder's output.
  [[nodiscard]] Tensor reconstruct(const Tensor& x) const;

  // A value of a hook point, [batch, pos, …] with axes behind pos that make d_in, as rows
  // [batch · pos, d_in]: heads one after another. UsageError naming both widths if they do not.
  [[nodiscard]] Tensor rows_of(const Tensor& value) const;

  [[nodiscard]] Sae to(const at::Device& device, at::ScalarType dtype) const;

 private:
  [[nodiscard]] Tensor pre_activations(const Tensor& x) const;
  [[nodiscard]] Tensor finish(const Tensor& decoded, const SaeCodes& codes) const;

  SaeConfig config_;
  SaeWeights weights_;
  Tensor decoder_;  // W_dec, or its unit rows where the config says so
};

}  // namespace headscope
