// Attention of a few last columns on the kept keys and values of those before: what a sweep does at
// every layer, for many rows that go on from few runs.
#pragma once

#include "lib/attention/spec.h"
#include "lib/tensor/tensor.h"

namespace headscope {

struct SuffixInputs {
  Tensor q;  // [R, t, n_heads, d_head], normed and rotated: of the last t ≤ s columns
  Tensor k;  // [R, s, n_kv_heads, d_head], likewise: of these columns alone
  Tensor v;
  Tensor kept_k;          // [N, ≥ past, n_kv_heads, d_head], likewise: of the columns before
  Tensor kept_v;          //
  std::int64_t past = 0;  // how many there are
  Tensor row;             // [R] int64 on the device: which of the N each row goes on from
  Tensor pads;            // [R] int64 on the device: columns of padding before each row
  AttentionSpec spec;
};

// True where the kernel for it is the faster way and knows the whole spec: on a GPU, over few keys,
// where one batch's worth of joined keys and masks costs more than the attention.
bool suffix_attention_pays(const SuffixInputs& in);

// z [R, t, n_heads, d_head] in the dtype of q, as fused_attention() of the joined keys gives it.
// GPU only: its reference is that.
Tensor suffix_attention(const SuffixInputs& in);

}  // namespace headscope
