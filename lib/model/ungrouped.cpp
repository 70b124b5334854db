#include "lib/model/ungrouped.h"

#include "lib/base/error.h"
#include "lib/model/model_parts.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Queries, keys and values [(H + 2 K) d_head, …] → [3 H d_head, …].
Tensor repeated_for_queries(const Tensor& fused, const ModelConfig& c) {
  if (!fused.defined()) {
    return fused;
  }
  const std::int64_t shared = c.n_kv_heads * c.d_head;
  std::vector<Tensor> parts{fused.narrow(0, 0, c.n_heads * c.d_head)};
  for (std::int64_t part = 0; part < 2; ++part) {
    const std::int64_t first = c.n_heads * c.d_head + part * shared;
    parts.push_back(fused.narrow(0, first, shared)
                        .unflatten(0, {c.n_kv_heads, c.d_head})
                        .repeat_interleave(c.heads_per_kv(), 0)
                        .flatten(0, 1));
  }
  return at::cat(parts);
}

// Of norms of keys that say something of every head: [K d_head] → [H d_head]. The statistics of all
// keys together stay what they were, since every key is repeated as often.
Tensor repeated_norm(const Tensor& of_keys, const ModelConfig& c) {
  if (!of_keys.defined() || c.qk_norm == QkNorm::per_head) {
    return of_keys;
  }
  return of_keys.unflatten(0, {c.n_kv_heads, c.d_head})
      .repeat_interleave(c.heads_per_kv(), 0)
      .flatten();
}

}  // namespace

Model ungrouped(const Model& model) {
  const ModelConfig& c = model.config();
  if (model.standing() != nullptr) {
    throw UsageError("circuits of edges are found in models as they are, without interventions");
  }
  if (c.heads_per_kv() == 1) {
    return model;
  }
  Model::Parts parts = parts_of(model);
  for (BlockWeights& block : parts.weights.blocks) {
    block.W_QKV = repeated_for_queries(block.W_QKV, c);
    block.b_QKV = repeated_for_queries(block.b_QKV, c);
    block.k_norm = repeated_norm(block.k_norm, c);
    block.k_norm_bias = repeated_norm(block.k_norm_bias, c);
  }
  parts.config.n_kv_heads = c.n_heads;
  return Model(std::move(parts));
}

}  // namespace headscope
