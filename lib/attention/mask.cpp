#include "lib/attention/mask.h"

#include "lib/tensor/ops.h"

namespace headscope {

Tensor hidden_keys(const QueryKeys& columns,
                   const Tensor& pads,
                   const AttentionSpec& spec,
                   const at::Device& device) {
  const auto options = at::TensorOptions().dtype(at::kLong).device(device);
  const Tensor key = at::arange(columns.keys, options).view({1, 1, 1, -1});
  const Tensor query =
      at::arange(columns.first_query, columns.first_query + columns.queries, options)
          .view({1, 1, -1, 1});
  const bool causal = is_causal(spec);
  Tensor hidden = causal
                      ? key > query
                      : at::zeros({1, 1, columns.queries, columns.keys}, options.dtype(at::kBool));
  if (spec.window > 0) {
    hidden = hidden.logical_or(key <= query - spec.window);
    hidden = causal ? hidden : hidden.logical_or(key >= query + spec.window);
  }
  if (pads.defined()) {
    const Tensor first = pads.to(device).view({-1, 1, 1, 1});
    // Of a causal layer a padding query sees no token anyway.
    const Tensor padding = causal ? key < first : (key < first).logical_or(query < first);
    hidden = hidden.logical_or(padding.logical_and(key != query));
  }
  return hidden;
}

}  // namespace headscope
