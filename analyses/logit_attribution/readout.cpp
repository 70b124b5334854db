#include "analyses/logit_attribution/readout.h"

#include "lib/model/norm.h"
#include "lib/tensor/ops.h"

namespace headscope {

Tensor read(const Tensor& value, const Readout& readout) {
  return (value.to(at::kDouble) * readout.vector.to(at::kDouble)).sum(-1);
}

Readout moved(const Readout& readout, const at::Device& device) {
  return {readout.vector.to(device), readout.constant.to(device)};
}

Readout before_norm(const Readout& after,
                    const NormWeights& weights,
                    Norm norm,
                    const Tensor& scale) {
  if (norm == Norm::none) {
    return after;
  }
  Tensor vector = with_gain(after.vector, weights);
  if (norm == Norm::layer_norm) {
    vector = vector - vector.mean(-1, true);
  }
  const Tensor constant =
      weights.bias.defined() ? after.constant + read(weights.bias, after) : after.constant;
  return {vector / scale, constant};
}

}  // namespace headscope
