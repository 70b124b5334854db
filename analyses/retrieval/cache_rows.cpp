#include "analyses/retrieval/cache_rows.h"

#include <algorithm>

#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

BatchLayout cached_layout(std::vector<std::int64_t> pads, std::int64_t columns) {
  return {.rows = static_cast<std::int64_t>(pads.size()),
          .columns = columns,
          .past = 0,
          .total = columns,
          .pads = std::move(pads)};
}

Tensor empty_columns(const Model& model, std::int64_t rows, std::int64_t columns) {
  const ModelConfig& config = model.config();
  const auto options =
      at::TensorOptions().dtype(to_torch(model.dtype())).device(to_torch(model.device()));
  return at::zeros({rows, columns, config.n_kv_heads, config.d_head}, options);
}

// What a cache holds of a layer: appending no columns returns it all.
KvCache::Entry held(const Model& model, KvCache& cache, std::int64_t layer) {
  const Tensor none = empty_columns(model, 1, 0);
  return cache.append(layer, none, none);
}

}  // namespace

KvCache beginning_of(const Model& model, KvCache& from, std::int64_t columns) {
  KvCache cache(model.config());
  if (columns == 0) {
    return cache;
  }
  for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
    const auto [k, v] = held(model, from, layer);
    cache.append(layer, k.narrow(1, 0, columns), v.narrow(1, 0, columns));
  }
  cache.advance(cached_layout({0}, columns));
  return cache;
}

CacheRows side_by_side(const Model& model, std::vector<KvCache>& caches, std::int64_t room) {
  std::int64_t longest = 0;
  for (const KvCache& cache : caches) {
    longest = std::max(longest, cache.columns());
  }
  std::vector<std::int64_t> pads;
  for (const KvCache& cache : caches) {
    pads.push_back(longest - cache.columns());
  }
  CacheRows rows{KvCache(model.config()), cached_layout(pads, longest)};
  for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
    // The first append decides how much there is room for.
    Tensor k = empty_columns(model, rows.layout.rows, longest + room);
    Tensor v = empty_columns(model, rows.layout.rows, longest + room);
    for (std::size_t row = 0; row < caches.size(); ++row) {
      const auto entry = held(model, caches[row], layer);
      const auto at = static_cast<std::int64_t>(row);
      k.select(0, at).narrow(0, pads[row], entry.k.size(1)).copy_(entry.k.select(0, 0));
      v.select(0, at).narrow(0, pads[row], entry.v.size(1)).copy_(entry.v.select(0, 0));
    }
    rows.cache.append(layer, k, v);
  }
  rewind(rows);
  return rows;
}

void rewind(CacheRows& rows) {
  rows.cache.advance(rows.layout);
}

}  // namespace headscope
