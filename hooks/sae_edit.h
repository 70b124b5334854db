// Op "sae" of interventions: a sparse autoencoder attached to a hook point, codes of it changed.
#pragma once

#include "hooks/intervention.h"
#include "lib/model/tap.h"
#include "lib/sae/sae.h"

namespace headscope {

// The autoencoder of an op "sae", checked for the point that it changes; on the CPU in f32. Throws
// what read_sae() throws; UsageError naming the file and the point for one of another hook point or
// width, for a transcoder, which reads one point and writes another, and for a feature that it does
// not have.
Sae sae_for(const SaeChange& what, HookPoint point, const ModelConfig& config);

// A value of a hook point [batch, pos, …] and its codes.
struct EncodedValue {
  Tensor value;
  Tensor rows;  // [N, d_in] f32
  SaeCodes codes;
};
EncodedValue encoded_value(const Sae& sae, const Tensor& value);  // computed in f32 on its device

// The codes at `features` [n] int64, [N, n].
Tensor codes_at(const SaeCodes& codes, const Tensor& features);

// The value with the codes at `features` [n] grown by `change` [N, n], what the autoencoder does
// not explain kept: a token at which none changes keeps its value bit for bit.
Tensor with_codes_changed(const Sae& sae,
                          const EncodedValue& of,
                          const Tensor& features,
                          const Tensor& change);

// The point's whole value [batch, pos, …] with the codes changed, of the value's dtype; computed in
// f32 on its device, where `sae` must lie. `patched`: a value of the same shape whose codes are
// taken, of patch alone. A token none of whose chosen codes changes keeps its value bit for bit
// where there is an error term.
Tensor changed_codes(const Sae& sae,
                     const SaeChange& what,
                     const Tensor& value,
                     const Tensor& patched);

}  // namespace headscope
