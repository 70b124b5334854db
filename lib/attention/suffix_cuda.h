// What suffix_cuda.cu offers its ATen side: plain pointers, no Torch.
#pragma once

#include <cstdint>

namespace headscope::cuda {

// Elements (r, column, head, i) of each tensor at r·row + column·column + head·head + i.
struct Strides {
  std::int64_t row, column, head;
};

struct SuffixArgs {
  const void *q, *k, *v;           // [R, s, H or Kv, d]
  const void *kept_k, *kept_v;     // [N, ≥ past, Kv, d]
  const std::int64_t *row, *pads;  // [R]
  void* z;                         // [R, s, H, d] contiguous
  Strides q_at, k_at, v_at, kept_k_at, kept_v_at;
  std::int64_t rows, queries, columns, heads, kv_heads, d, past, window;  // t, s
  float scale, softcap;
};

// One launch on `stream` (a cudaStream_t); returns a cudaError_t. `element` is an Element.
int suffix_attention(const SuffixArgs& args, int element, void* stream);

}  // namespace headscope::cuda
