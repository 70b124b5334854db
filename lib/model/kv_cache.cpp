#include "lib/model/kv_cache.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Room for `needed` columns, doubling so that decoding copies each key O(1) times.
void reserve(Tensor& buffer, std::int64_t used, std::int64_t needed, const Tensor& like) {
  const std::int64_t capacity = buffer.defined() ? buffer.size(1) : 0;
  if (needed <= capacity) {
    return;
  }
  const std::int64_t grown = used == 0 ? needed : std::max<std::int64_t>(needed, 2 * capacity);
  Tensor larger = at::empty({like.size(0), grown, like.size(2), like.size(3)}, like.options());
  if (used > 0) {
    larger.narrow(1, 0, used).copy_(buffer.narrow(1, 0, used));
  }
  buffer = larger;
}

// The first `used` columns; without room to grow, which the next append makes.
Tensor cloned(const Tensor& buffer, std::int64_t used) {
  return used == 0 ? Tensor() : buffer.narrow(1, 0, used).clone(at::MemoryFormat::Contiguous);
}

// One row of `part` after another from row `first` of `whole` on, right-aligned to `columns`.
void put_rows(const Tensor& part, std::int64_t first, std::int64_t columns, const Tensor& whole) {
  const std::int64_t held = std::min(part.size(1), columns);
  whole.narrow(0, first, part.size(0))
      .narrow(1, columns - held, held)
      .copy_(part.narrow(1, part.size(1) - held, held));
}

}  // namespace

KvCache::KvCache(const ModelConfig& config, std::vector<KvParts> parts)
    : KvCache(std::vector<Buffer>(static_cast<std::size_t>(config.n_layers)), std::move(parts)) {
  if (!parts_.empty() && parts_.size() != layers_.size()) {
    throw InternalError("parts of {} layers for a cache of {}", parts_.size(), layers_.size());
  }
  for (std::size_t layer = 0; layer < parts_.size(); ++layer) {
    for (const KvParts::Streamed& each : parts_[layer].streamed) {
      layers_[layer].rings.emplace_back(each.kept);
    }
  }
}

bool KvCache::streams(std::int64_t layer) const {
  return !layers_.at(static_cast<std::size_t>(layer)).rings.empty();
}

bool KvCache::streams() const {
  return std::ranges::any_of(layers_, [](const Buffer& each) { return !each.rings.empty(); });
}

KvCache::Bytes KvCache::bytes() const {
  Bytes bytes;
  for (std::size_t layer = 0; layer < layers_.size() && columns_ > 0; ++layer) {
    const auto& [k, v, rings] = layers_[layer];
    const std::int64_t column = rows() * (k.size(3) + v.size(3)) * k.element_size();
    bytes.kept += column * columns_ * k.size(2);
    bytes.whole += column * columns_ * k.size(2);
    for (std::size_t i = 0; i < rings.size(); ++i) {
      bytes.kept += rings[i].bytes();
      bytes.whole += column * columns_ * std::ssize(parts_[layer].streamed[i].heads);
    }
  }
  return bytes;
}

KvCache KvCache::fork() const {
  std::vector<Buffer> layers;
  for (const Buffer& buffer : layers_) {
    layers.push_back({cloned(buffer.k, columns_), cloned(buffer.v, columns_)});
    for (const SinkRing& ring : buffer.rings) {
      layers.back().rings.push_back(ring.fork());
    }
  }
  KvCache forked(std::move(layers), parts_);
  forked.columns_ = columns_;
  forked.pads_ = pads_;
  return forked;
}

BatchLayout KvCache::continue_with(const BatchLayout& batch) const {
  if (columns_ == 0) {
    return batch;
  }
  if (batch.padded() || batch.rows != static_cast<std::int64_t>(pads_.size())) {
    throw UsageError("a cache of {} rows goes on with as many rows of one length; got {} rows{}",
                     pads_.size(),
                     batch.rows,
                     batch.padded() ? " of several lengths" : "");
  }
  BatchLayout layout = batch;
  layout.past = columns_;
  layout.total = columns_ + batch.total;
  layout.pads = pads_;
  return layout;
}

KvCache::Entry KvCache::append(std::int64_t layer, const Tensor& k, const Tensor& v) {
  Buffer& buffer = layers_.at(static_cast<std::size_t>(layer));
  const std::int64_t end = columns_ + k.size(1);
  reserve(buffer.k, columns_, end, k);
  reserve(buffer.v, columns_, end, v);
  buffer.k.narrow(1, columns_, k.size(1)).copy_(k);
  buffer.v.narrow(1, columns_, v.size(1)).copy_(v);
  return {buffer.k.narrow(1, 0, end), buffer.v.narrow(1, 0, end)};
}

void KvCache::make_room(std::int64_t columns) {
  if (columns_ == 0 || columns <= columns_) {
    throw UsageError("room for {} columns of a cache that holds {}", columns, columns_);
  }
  for (Buffer& buffer : layers_) {
    for (Tensor* each : {&buffer.k, &buffer.v}) {
      // Zeros: a free column's weight is 0, and 0 · NaN is NaN.
      Tensor larger =
          at::zeros({each->size(0), columns, each->size(2), each->size(3)}, each->options());
      larger.narrow(1, 0, columns_).copy_(each->narrow(1, 0, columns_));
      *each = larger;
    }
  }
}

std::int64_t KvCache::room() const {
  return columns_ == 0 || layers_.empty() ? 0 : layers_.front().k.size(1);
}

KvCache::Entry KvCache::put(std::int64_t layer,
                            const Tensor& k,
                            const Tensor& v,
                            const Tensor& column) {
  const Buffer& buffer = layers_.at(static_cast<std::size_t>(layer));
  if (k.size(2) > 0) {
    buffer.k.index_copy_(1, column, k);
    buffer.v.index_copy_(1, column, v);
  }
  return {buffer.k, buffer.v};
}

void KvCache::advance(const BatchLayout& layout) {
  columns_ = layout.keys();
  pads_ = layout.pads;
}

KvCache::Entry KvCache::view(std::int64_t layer) const {
  const Buffer& buffer = layers_.at(static_cast<std::size_t>(layer));
  if (!buffer.rings.empty()) {
    throw UsageError("some heads of layer {} keep the first and the last tokens alone", layer);
  }
  if (columns_ == 0) {
    return {};
  }
  return {buffer.k.narrow(1, 0, columns_), buffer.v.narrow(1, 0, columns_)};
}

void KvCache::check_columns(std::int64_t columns) const {
  if (columns < 0 || columns > columns_) {
    throw UsageError("{} columns of a cache that holds {}", columns, columns_);
  }
  if (columns > 0 && columns < columns_ && streams()) {
    throw UsageError(
        "heads that keep the first and the last tokens alone do not know how it was "
        "after {} of {} columns",
        columns,
        columns_);
  }
  const auto longest = std::max_element(pads_.begin(), pads_.end());
  if (columns > 0 && columns <= *longest) {
    throw UsageError("the first {} columns of the cache hold nothing but padding of row {}",
                     columns,
                     longest - pads_.begin());
  }
}

KvCache KvCache::slice(std::int64_t columns) const {
  check_columns(columns);
  if (columns == columns_) {
    return fork();
  }
  std::vector<Buffer> layers;
  for (const Buffer& buffer : layers_) {
    layers.push_back({cloned(buffer.k, columns), cloned(buffer.v, columns)});
    for (const SinkRing& ring : buffer.rings) {
      layers.back().rings.emplace_back(ring.kept());
    }
  }
  KvCache part(std::move(layers), parts_);
  part.columns_ = columns;
  part.pads_ = columns > 0 ? pads_ : std::vector<std::int64_t>();
  return part;
}

void KvCache::truncate(std::int64_t columns) {
  check_columns(columns);
  columns_ = columns;
  if (columns == 0) {  // the next batch may have other rows
    pads_.clear();
    for (Buffer& buffer : layers_) {
      buffer.k = buffer.v = Tensor();
      std::ranges::transform(buffer.rings, buffer.rings.begin(), [](const auto& each) {
        return SinkRing(each.kept());
      });
    }
  }
}

void KvCache::append_rows(const KvCache& other) {
  *this = joined({this, &other}, 0);
}

KvCache KvCache::joined(const std::vector<const KvCache*>& caches, std::int64_t room) {
  if (caches.empty()) {
    throw UsageError("there is no cache to join");
  }
  KvCache all(std::vector<Buffer>(caches.front()->layers_.size()), caches.front()->parts_);
  for (const KvCache* cache : caches) {
    if (cache->layers_.size() != all.layers_.size()) {
      throw UsageError("caches of {} and {} layers are of two models",
                       all.layers_.size(),
                       cache->layers_.size());
    }
    for (const std::int64_t pad : cache->pads_) {
      all.columns_ = std::max(all.columns_, cache->columns_ - pad);
    }
  }
  for (const KvCache* cache : caches) {
    for (const std::int64_t pad : cache->pads_) {
      all.pads_.push_back(all.columns_ - (cache->columns_ - pad));
    }
  }
  for (std::size_t layer = 0; layer < all.layers_.size(); ++layer) {
    all.join_layer(layer, caches, room);
  }
  return all;
}

// Of one layer the rows of `caches`, where columns_ and pads_ are known.
void KvCache::join_layer(std::size_t layer,
                         const std::vector<const KvCache*>& caches,
                         std::int64_t room) {
  Buffer& into = layers_[layer];
  std::vector<std::vector<SinkRing::Part>> rings(caches.front()->layers_[layer].rings.size());
  std::int64_t row = 0;
  for (const KvCache* cache : caches) {
    if (cache->columns_ == 0) {
      continue;
    }
    const Buffer& from = cache->layers_[layer];
    if (from.rings.size() != rings.size()) {
      throw InternalError("caches that keep other heads of layer {} are joined", layer);
    }
    for (auto [buffer, whole] : {std::pair{&from.k, &into.k}, std::pair{&from.v, &into.v}}) {
      const Tensor part = buffer->narrow(1, 0, cache->columns_);
      if (!whole->defined()) {
        *whole = at::zeros({rows(), columns_ + room, part.size(2), part.size(3)}, part.options());
      }
      put_rows(part, row, columns_, *whole);
    }
    for (std::size_t i = 0; i < rings.size(); ++i) {
      rings[i].push_back({&from.rings[i], cache->held()});
    }
    row += cache->rows();
  }
  for (std::size_t i = 0; i < rings.size(); ++i) {
    into.rings.push_back(rings[i].empty() ? SinkRing(caches.front()->layers_[layer].rings[i].kept())
                                          : SinkRing::joined(rings[i], columns_));
  }
}

void KvCache::drop_rows(const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> kept;
  auto next = rows.begin();
  for (std::int64_t row = 0; row < this->rows(); ++row) {
    if (next != rows.end() && *next == row) {
      ++next;
    } else {
      kept.push_back(row);
    }
  }
  if (next != rows.end()) {
    throw UsageError("row {} to drop from a cache of {} rows, in ascending order and each once",
                     *next,
                     this->rows());
  }
  if (kept.empty()) {
    truncate(0);
    return;
  }
  std::vector<std::int64_t> pads;
  for (const std::int64_t row : kept) {
    pads.push_back(pads_[static_cast<std::size_t>(row)]);
  }
  const std::int64_t shared = *std::min_element(pads.begin(), pads.end());
  std::vector<Buffer> fewer = layers_;  // whole or not at all, if the memory does not do
  for (Buffer& buffer : fewer) {
    const Tensor index = index_tensor(kept, buffer.k.device());
    for (Tensor* each : {&buffer.k, &buffer.v}) {
      *each = each->narrow(1, shared, each->size(1) - shared).index_select(0, index);
    }
    for (SinkRing& ring : buffer.rings) {
      ring = ring.of_rows(index, shared, held());
    }
  }
  layers_ = std::move(fewer);
  std::transform(pads.begin(), pads.end(), pads.begin(), [&](auto pad) { return pad - shared; });
  pads_ = pads;
  columns_ -= shared;
}

}  // namespace headscope
