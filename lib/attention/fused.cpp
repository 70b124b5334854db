#include <algorithm>
#include <limits>
#include <tuple>

#include <ATen/SDPBackend.h>
#include <ATen/ops/_fused_sdp_choice.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/index_copy.h>

#include "lib/attention/attention.h"
#include "lib/attention/mask.h"
#include "lib/attention/operated_heads.h"
#include "lib/attention/split_query_attention.h"
#include "lib/attention/streaming_attention.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// [B, S, Kv, d] → [B, H, S, d], KV heads repeated for the heads that share them.
Tensor expand_heads(const Tensor& x, std::int64_t heads) {
  const std::int64_t kv_heads = x.size(2);
  const Tensor heads_first = x.transpose(1, 2);
  if (heads == kv_heads) {
    return heads_first;
  }
  return heads_first.unsqueeze(2)
      .expand({x.size(0), kv_heads, heads / kv_heads, x.size(1), x.size(3)})
      .reshape({x.size(0), heads, x.size(1), x.size(3)});
}

AttentionInputs query_block(const AttentionInputs& in, std::int64_t begin, std::int64_t count) {
  AttentionInputs block = in;
  block.q = in.q.narrow(1, begin, count);
  block.first_query = in.k.size(1) - in.q.size(1) + begin;
  if (in.hidden.defined()) {
    block.hidden = in.hidden.narrow(2, begin, count);
  } else if (is_causal(in.spec)) {  // causality is relative to the block's own queries: later keys
                                    // are cut off
    const std::int64_t keys = in.k.size(1) - in.q.size(1) + begin + count;
    block.k = in.k.narrow(1, 0, keys);
    block.v = in.v.narrow(1, 0, keys);
    block.bias = in.bias.defined() ? in.bias.narrow(3, 0, keys) : Tensor();
  }
  for (Tensor* each : {&block.bias, &block.score_scale}) {
    if (each->defined() && each->size(2) > 1) {
      *each = each->narrow(2, begin, count);
    }
  }
  return block;
}

// z by blocks of queries, so few that `row` numbers a query keep memory small.
template <typename Attend>
Tensor blockwise(const AttentionInputs& in, std::int64_t row, const Attend& attend) {
  const std::int64_t queries = in.q.size(1);
  const std::int64_t step = std::clamp<std::int64_t>(kScoresAtOnce / row, 1, queries);
  std::vector<Tensor> z;
  for (std::int64_t begin = 0; begin < queries; begin += step) {
    z.push_back(attend(query_block(in, begin, std::min(step, queries - begin))));
  }
  return z.size() == 1 ? z.front() : at::cat(z, 1);
}

// What no fused kernel of Torch's applies.
Tensor by_scores(const AttentionInputs& in) {
  const std::int64_t row = in.q.size(0) * in.q.size(2) * in.k.size(1);
  return blockwise(in, row, [](const AttentionInputs& block) {
    return apply_pattern(attention_pattern(attention_scores(block), block.spec), block.v);
  });
}

// z of heads that share an operator: by their scores, where it does more than hide all keys but the
// first and the last ones.
Tensor operated(const AttentionInputs& in, const HeadOperator& by) {
  const std::optional<KeptKeys> kept = by.kept_keys();
  AttentionInputs bare = in;
  bare.spec.operators.clear();
  return kept && can_stream(bare) ? streaming_attention(bare, *kept) : by_scores(in);
}

// z of heads with operators by what these ask for, of the others by the kernels that they would
// take without: theirs are the same bits.
Tensor with_operators(const AttentionInputs& in) {
  const std::vector<OperatedHeads> changed = heads_that_change(in);
  if (changed.size() == 1 && std::ssize(changed.front().heads) == in.q.size(2)) {
    return operated(in, *changed.front().by);
  }
  AttentionInputs bare = in;
  bare.spec.operators.clear();
  Tensor z = fused_attention(bare);
  for (const OperatedHeads& group : changed) {
    const Tensor heads = index_tensor(group.heads, z.device());
    z = at::index_copy(z, 2, heads, operated(inputs_of(in, group.heads), *group.by));
  }
  return z;
}

// What Torch's kernels add to the scores of a block of queries: the bias, and −∞ where hidden.
Tensor added_mask(const AttentionInputs& block) {
  const Tensor bias = block.bias.to(block.q.scalar_type());
  const std::int64_t queries = block.q.size(1);
  Tensor hidden = block.hidden;
  if (!hidden.defined() && is_causal(block.spec) && queries > 1) {
    const std::int64_t keys = block.k.size(1);
    hidden = hidden_keys({keys - queries, queries, keys}, {}, AttentionSpec(), block.q.device());
  }
  return hidden.defined() ? bias.masked_fill(hidden, -std::numeric_limits<float>::infinity())
                          : bias;
}

// Where scores are products and nothing else, scaled queries scale them.
AttentionInputs with_scaled_queries(AttentionInputs in) {
  in.q = (in.q * in.score_scale.transpose(1, 2)).to(in.v.scalar_type());
  in.score_scale = Tensor();
  return in;
}

// A kernel takes the whole mask of its queries, which a bias a head makes as large as their scores.
Tensor with_bias(const AttentionInputs& in) {
  const std::int64_t row = in.q.size(0) * in.bias.size(1) * in.k.size(1);
  return blockwise(in, row, [](const AttentionInputs& block) {
    const std::int64_t heads = block.q.size(2);
    return at::scaled_dot_product_attention(block.q.transpose(1, 2),
                                            expand_heads(block.k, heads),
                                            expand_heads(block.v, heads),
                                            added_mask(block),
                                            0.0,
                                            false,
                                            block.spec.scale)
        .transpose(1, 2);
  });
}

// One query a head: the heads that share keys and values ask as queries of one head, so that
// nothing is repeated for them at each step of decoding.
Tensor one_query_attention(const AttentionInputs& in) {
  const std::int64_t kv_heads = in.k.size(2);
  const std::int64_t group = in.q.size(2) / kv_heads;
  const Tensor q = in.q.reshape({in.q.size(0), kv_heads, group, in.q.size(3)});
  std::optional<Tensor> mask;
  if (in.bias.defined()) {
    const Tensor added = added_mask(in);
    mask = added.size(1) == 1 ? added : added.reshape({-1, kv_heads, group, added.size(3)});
  } else if (in.hidden.defined()) {
    mask = in.hidden.logical_not();
  }
  return at::scaled_dot_product_attention(
             q, in.k.transpose(1, 2), in.v.transpose(1, 2), mask, 0.0, false, in.spec.scale)
      .reshape(in.q.sizes());
}

// Heads first, KV heads repeated: as Torch's kernels take them.
struct HeadsFirst {
  Tensor q, k, v;
  bool causal;
  double scale;
};

HeadsFirst heads_first(const AttentionInputs& in) {
  const Tensor q = in.q.transpose(1, 2);
  return {.q = q,
          .k = expand_heads(in.k, q.size(1)),
          .v = expand_heads(in.v, q.size(1)),
          .causal = is_causal(in.spec) && !in.hidden.defined() && q.size(2) > 1,
          .scale = in.spec.scale};
}

// A kernel of Torch's alone, without a mask or anything before it.
bool is_one_kernel(const AttentionInputs& in) {
  constexpr std::int64_t kHeadSizeUnpadded = 8;
  return !forms_scores(in.spec) && !in.score_scale.defined() && !in.bias.defined() &&
         !in.hidden.defined() && in.q.size(1) > 1 && in.q.size(3) % kHeadSizeUnpadded == 0 &&
         !needs_gradient(in.q) && !needs_gradient(in.k) && !needs_gradient(in.v);
}

// out and lse of the kernel that scaled_dot_product_attention would take; undefined, where that one
// keeps no lse.
std::tuple<Tensor, Tensor> attended_with_lse(const HeadsFirst& in) {
  const auto [q, k, v, causal, scale] = in;
  switch (static_cast<at::SDPBackend>(
      at::_fused_sdp_choice(q, k, v, std::nullopt, 0.0, causal, scale))) {
    case at::SDPBackend::flash_attention: {
      if (q.is_cpu()) {
        return at::_scaled_dot_product_flash_attention_for_cpu(
            q, k, v, 0.0, causal, std::nullopt, scale);
      }
      const auto all = at::_scaled_dot_product_flash_attention(q, k, v, 0.0, causal, false, scale);
      return {std::get<0>(all), std::get<1>(all)};
    }
    case at::SDPBackend::cudnn_attention: {
      const auto all = at::_scaled_dot_product_cudnn_attention(
          q, k, v, std::nullopt, true, 0.0, causal, false, scale);
      return {std::get<0>(all), std::get<1>(all)};
    }
    case at::SDPBackend::efficient_attention: {
      const auto all = at::_scaled_dot_product_efficient_attention(
          q, k, v, std::nullopt, true, 0.0, causal, scale);
      return {std::get<0>(all), std::get<1>(all)};
    }
    default:
      return {};
  }
}

}  // namespace

FusedAttention fused_attention_with_lse(const AttentionInputs& in) {
  if (!is_one_kernel(in)) {
    return {fused_attention(in), {}};
  }
  const auto [out, lse] = attended_with_lse(heads_first(in));
  if (!out.defined()) {
    return {fused_attention(in), {}};
  }
  // Kernels keep it in blocks of queries, or with an axis of one behind.
  const Tensor rows = lse.dim() == 4 ? lse.squeeze(3) : lse;
  return {out.transpose(1, 2), rows.narrow(2, 0, in.q.size(1)).to(at::kFloat)};
}

Tensor fused_attention(const AttentionInputs& in) {
  if (!in.spec.operators.empty()) {
    return with_operators(in);
  }
  if (forms_scores(in.spec)) {
    return by_scores(in);
  }
  if (in.score_scale.defined()) {
    return fused_attention(with_scaled_queries(in));
  }
  if (can_split_keys(in)) {
    return split_query_attention(in);
  }
  if (in.q.size(1) == 1 && in.q.size(2) > in.k.size(2)) {
    return one_query_attention(in);
  }
  if (in.bias.defined()) {
    return with_bias(in);
  }
  std::optional<Tensor> allowed;
  if (in.hidden.defined()) {
    allowed = in.hidden.logical_not();
  }
  const auto [q, k, v, causal, scale] = heads_first(in);
  return at::scaled_dot_product_attention(q, k, v, allowed, 0.0, causal, scale).transpose(1, 2);
}

}  // namespace headscope
