#include "lib/attention/streaming_attention.h"

#include <algorithm>
#include <vector>

#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Queries that share one mask: so many that a launch is worth it, so few that most of what a block
// reads is seen by all of them.
std::int64_t queries_at_once(const Tensor& q) {
  return q.is_cuda() ? 1024 : 256;
}

// The first `count` tokens of every row; of a row that has fewer, some others in their place.
Tensor first_tokens(const Tensor& x, std::int64_t count, const Tensor& pads) {
  if (!pads.defined()) {
    return x.narrow(1, 0, count);
  }
  const Tensor place = at::arange(count, pads.options()).unsqueeze(0) + pads.unsqueeze(1);
  const Tensor index = place.clamp_max(x.size(1) - 1).unsqueeze(2).unsqueeze(3);
  return x.gather(1, index.expand({x.size(0), count, x.size(2), x.size(3)}));
}

// Columns of a block: its queries, and the keys that are read for all of them from `low` on.
struct BlockColumns {
  std::int64_t low;
  std::int64_t query;
  std::int64_t end;
};

// [B or 1, 1, queries, sinks + band]: what each query must not see. A sink that lies in the band is
// seen there; a padding query sees itself alone, so that no row is empty.
Tensor hidden_from(const BlockColumns& at_columns,
                   const KeptKeys& kept,
                   bool sinks,
                   const Tensor& pads,
                   const at::Device& device) {
  const auto options = at::TensorOptions().dtype(at::kLong).device(device);
  const Tensor query = at::arange(at_columns.query, at_columns.end, options).view({1, 1, -1, 1});
  const Tensor key = at::arange(at_columns.low, at_columns.end, options).view({1, 1, 1, -1});
  const Tensor pad = pads.defined() ? pads.view({-1, 1, 1, 1}) : Tensor();
  const Tensor place = pad.defined() ? key - pad : key;
  const Tensor far = key.le(query - kept.local).logical_and(place.ge(kept.sink));
  Tensor hidden = key.gt(query).logical_or(far);
  if (pad.defined()) {
    hidden = hidden.logical_or(place.lt(0).logical_and(key.ne(query)));
  }
  if (!sinks) {
    return hidden;
  }
  Tensor column = at::arange(kept.sink, options).view({1, 1, 1, -1});
  column = pad.defined() ? column + pad : column;
  const Tensor in_band =
      column.ge(at_columns.low)
          .expand({hidden.size(0), 1, at_columns.end - at_columns.query, kept.sink});
  return at::cat({in_band, hidden}, 3);
}

}  // namespace

bool can_stream(const AttentionInputs& in) {
  return is_causal(in.spec) && in.spec.window == 0 && !forms_scores(in.spec) &&
         in.first_query < 0 && !in.score_scale.defined() && !in.bias.defined() &&
         !needs_gradient(in.q) && !needs_gradient(in.k) && !needs_gradient(in.v);
}

Tensor streaming_attention(const AttentionInputs& in, const StreamedKeys& keys) {
  const std::int64_t queries = in.q.size(1);
  const std::int64_t end = keys.first + keys.k.size(1);
  const std::int64_t step = queries_at_once(in.q);
  std::vector<Tensor> z;
  for (std::int64_t begin = 0; begin < queries; begin += step) {
    const std::int64_t count = std::min(step, queries - begin);
    const std::int64_t query = end - queries + begin;
    const BlockColumns columns{.low = std::max(keys.first, query - keys.kept.local + 1),
                               .query = query,
                               .end = query + count};
    const bool sinks = columns.low > 0 && keys.kept.sink > 0;
    const auto seen = [&](const Tensor& first, const Tensor& all) {
      const Tensor band = all.narrow(1, columns.low - keys.first, columns.end - columns.low);
      return sinks ? at::cat({first, band}, 1) : band;
    };
    AttentionInputs block{.q = in.q.narrow(1, begin, count),
                          .k = seen(keys.sink_k, keys.k),
                          .v = seen(keys.sink_v, keys.v),
                          .spec = in.spec,
                          .hidden = {}};
    block.hidden = hidden_from(columns, keys.kept, sinks, in.pads, in.q.device());
    z.push_back(fused_attention(block));
  }
  return z.size() == 1 ? z.front() : at::cat(z, 1);
}

Tensor streaming_attention(const AttentionInputs& in, const KeptKeys& kept) {
  const std::int64_t sinks = std::min(kept.sink, in.k.size(1));
  return streaming_attention(in,
                             {.k = in.k,
                              .v = in.v,
                              .sink_k = first_tokens(in.k, sinks, in.pads),
                              .sink_v = first_tokens(in.v, sinks, in.pads),
                              .first = 0,
                              .kept = {sinks, kept.local}});
}

}  // namespace headscope
