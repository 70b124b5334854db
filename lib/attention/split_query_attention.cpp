#include "lib/attention/split_query_attention.h"

#include <algorithm>

#include <ATen/ops/_scaled_dot_product_efficient_attention.h>

#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kPiece = 256;         // keys of the smallest piece
constexpr std::int64_t kBlocksAtOnce = 264;  // two for each processor of a large GPU
// So far below any score that its weight is 0, and finite: a piece without a key that is seen has
// a sum then, and a weight of 0 among the pieces.
constexpr double kHiddenScore = -30000.0;

// A divisor of the whole pieces there are, near what fills the GPU.
std::int64_t pieces_of(const AttentionInputs& in) {
  const std::int64_t smallest = in.k.size(1) / kPiece;
  const std::int64_t wanted =
      std::clamp<std::int64_t>(kBlocksAtOnce / (in.k.size(0) * in.k.size(2)), 1, smallest);
  std::int64_t pieces = wanted;
  while (smallest % pieces != 0) {
    --pieces;
  }
  return pieces;
}

}  // namespace

bool can_split_keys(const AttentionInputs& in) {
  constexpr std::int64_t kManyKeys = 2048;
  return in.q.is_cuda() && in.q.size(1) == 1 && in.hidden.defined() && !in.bias.defined() &&
         in.k.size(1) >= kManyKeys && in.k.size(1) % kPiece == 0 && in.k.is_contiguous() &&
         in.v.is_contiguous() && in.hidden.size(2) == 1 && !needs_gradient(in.q) &&
         !needs_gradient(in.k) && !needs_gradient(in.v);
}

Tensor split_query_attention(const AttentionInputs& in) {
  const std::int64_t batch = in.q.size(0);
  const std::int64_t keys = in.k.size(1);
  const std::int64_t kv_heads = in.k.size(2);
  const std::int64_t group = in.q.size(2) / kv_heads;
  const std::int64_t d_head = in.q.size(3);
  const std::int64_t pieces = pieces_of(in);
  const auto cut = [&](const Tensor& x) {
    return x.view({batch * pieces, keys / pieces, kv_heads, x.size(3)}).transpose(1, 2);
  };
  const Tensor q = in.q.reshape({batch, kv_heads, group, d_head}).repeat_interleave(pieces, 0);
  const Tensor bias = at::zeros({batch, keys}, in.q.options())
                          .masked_fill(in.hidden.view({-1, keys}), kHiddenScore)
                          .view({batch * pieces, 1, 1, keys / pieces})
                          .expand({batch * pieces, kv_heads, group, keys / pieces});
  const auto all = at::_scaled_dot_product_efficient_attention(
      q, cut(in.k), cut(in.v), bias, true, 0.0, false, in.spec.scale);
  const Tensor lse = std::get<1>(all).narrow(2, 0, group).view({batch, pieces, kv_heads, group, 1});
  const Tensor weight = at::softmax(lse.to(at::kFloat), 1);
  const Tensor z = std::get<0>(all).reshape({batch, pieces, kv_heads, group, -1}).to(at::kFloat);
  return (z * weight).sum(1).to(in.v.scalar_type()).reshape(in.q.sizes());
}

}  // namespace headscope
