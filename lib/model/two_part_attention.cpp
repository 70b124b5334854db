#include "lib/model/two_part_attention.h"

#include <algorithm>

#include <ATen/ops/index_copy.h>

#include "lib/model/kv_parts.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Where a text is so long that a ring is full and its first tokens lie before it, in every row.
struct RowsReach {
  bool past_sinks;
  bool full;
};

RowsReach reach(const BatchLayout& layout, const KeptKeys& kept) {
  const std::int64_t shortest = layout.past - *std::ranges::max_element(layout.pads);
  return {.past_sinks = shortest >= kept.sink,
          .full = shortest + layout.columns >= kept.sink + kept.local};
}

// Heads of one ring: their queries, their keys and values.
Tensor streamed(Pass& pass, int layer, SinkRing& ring, const Qkv& own) {
  const RowsReach rows = reach(pass.layout, ring.kept());
  const Tensor pads =
      pass.placed() != nullptr || pass.layout.padded() ? pass.pads(layer) : Tensor();
  AttentionInputs in{
      .q = own.q, .k = {}, .v = {}, .spec = pass.attention.spec(layer), .hidden = {}};
  in.spec.operators.clear();
  in.pads = pads;
  const SinkRing::Entry next{own.k, own.v};
  const SinkRing::Held held{pass.layout.past, pass.layout.pads};
  if (pass.placed() == nullptr && pass.layout.columns > 1) {
    return streaming_attention(in, ring.extend(next, held, pads));
  }
  if (pass.placed() != nullptr) {
    ring.put(next, *pass.placed(), rows.past_sinks);
  } else {
    ring.append(next, held, pads);
  }
  SinkRing::Slots slots = ring.full_slots();
  if (!rows.full) {
    const Tensor column = pass.placed() != nullptr
                              ? pass.placed()->column
                              : index_tensor({pass.layout.past}, own.k.device());
    slots = ring.slots(column, pads);
  }
  in.k = slots.k;
  in.v = slots.v;
  in.hidden = slots.hidden;
  return fused_attention(in);
}

Tensor whole(Pass& pass, int layer, const Qkv& own) {
  KvCache& cache = *pass.cache;
  const KvCache::Entry all = pass.placed() != nullptr
                                 ? cache.put(layer, own.k, own.v, pass.placed()->column)
                                 : cache.append(layer, own.k, own.v);
  const std::vector<std::int64_t>& kv_heads = cache.parts(layer).whole;
  if (kv_heads.empty()) {
    return {};
  }
  AttentionInputs in = pass.attention.inputs(layer, {own.q, all.k, all.v});
  in.spec = of_heads(in.spec, query_heads(kv_heads, pass.config.heads_per_kv()));
  return fused_attention(in);
}

}  // namespace

Tensor two_part_attention(Pass& pass, int layer, const Qkv& qkv) {
  const KvParts& parts = pass.cache->parts(layer);
  Tensor z = at::empty_like(qkv.q, at::MemoryFormat::Contiguous);
  const auto of = [&](const KvParts::Index& heads, const auto& attend) {
    const Tensor own = attend(Qkv{.q = qkv.q.index_select(2, heads.queries),
                                  .k = qkv.k.index_select(2, heads.kv_heads),
                                  .v = qkv.v.index_select(2, heads.kv_heads)});
    if (own.defined()) {
      z.index_copy_(2, heads.queries, own);
    }
  };
  of(parts.whole_index, [&](const Qkv& own) { return whole(pass, layer, own); });
  for (std::size_t i = 0; i < parts.streamed.size(); ++i) {
    of(parts.streamed[i].index,
       [&](const Qkv& own) { return streamed(pass, layer, pass.cache->ring(layer, i), own); });
  }
  return z;
}

}  // namespace headscope
