#include "lib/attention/mask.h"

#include "lib/tensor/ops.h"

namespace headscope {

Tensor hidden_keys(const QueryKeys& columns,
                   const Tensor& pads,
                   const AttentionSpec& spec,
                   const at::Device& device) {
  const auto options = at::TensorOptions().dtype(at::kLong).device(device);
  const std::int64_t end = columns.first_query + columns.queries;
  return hidden_keys(at::arange(columns.first_query, end, options), columns.keys, pads, spec);
}

Tensor hidden_keys(const Tensor& queries,
                   std::int64_t keys,
                   const Tensor& pads,
                   const AttentionSpec& spec) {
  const auto options = queries.options();
  const Tensor key = at::arange(keys, options).view({1, 1, 1, -1});
  const Tensor query = queries.view({1, 1, -1, 1});
  const bool causal = is_causal(spec);
  Tensor hidden =
      causal ? key > query : at::zeros({1, 1, queries.size(0), keys}, options.dtype(at::kBool));
  if (spec.window > 0) {
    hidden = hidden.logical_or(key <= query - spec.window);
    hidden = causal ? hidden : hidden.logical_or(key >= query + spec.window);
  }
  if (pads.defined()) {
    const Tensor first = pads.to(queries.device()).view({-1, 1, 1, 1});
    // Of a causal layer a padding query sees no token anyway.
    const Tensor padding = causal ? key < first : (key < first).logical_or(query < first);
    hidden = hidden.logical_or(padding.logical_and(key != query));
  }
  return hidden;
}

}  // namespace headscope
