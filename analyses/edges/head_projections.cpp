#include "analyses/edges/head_projections.h"

#include "lib/kernels/linear.h"
#include "lib/model/norm.h"
#include "lib/model/qkv.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {

HeadProjections::HeadProjections(const Model& model, std::int64_t layer)
    : config_(model.config()), block_(model.weights().blocks.at(static_cast<std::size_t>(layer))) {}

Tensor HeadProjections::normalized(const Tensor& streams) const {
  return normalize(streams, block_.ln1, norm_before(config_), config_.norm_eps)
      .to(block_.W_QKV.scalar_type());
}

Tensor HeadProjections::projected(const Tensor& normalized,
                                  const std::vector<std::int64_t>& rows) const {
  const auto of_heads = [&](const Tensor& fused) {
    return fused.unflatten(0, {-1, config_.d_head});
  };
  Tensor weight = of_heads(block_.W_QKV);
  Tensor bias = block_.b_QKV.defined() ? of_heads(block_.b_QKV) : Tensor();
  const auto count = static_cast<std::int64_t>(rows.size());
  if (count < weight.size(0)) {
    const Tensor index = index_tensor(rows, normalized.device());
    weight = weight.index_select(0, index);
    bias = bias.defined() ? bias.index_select(0, index) : bias;
  }
  const Tensor projected =
      linear(normalized, weight.flatten(0, 1), bias.defined() ? bias.flatten() : bias);
  return clipped(config_, projected).unflatten(-1, {count, config_.d_head});
}

}  // namespace headscope
