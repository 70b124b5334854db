#include "lib/model/kv_cache.h"

#include <algorithm>

#include "lib/base/error.h"
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

}  // namespace

KvCache KvCache::fork() const {
  std::vector<Buffer> layers;
  for (const Buffer& buffer : layers_) {
    layers.push_back({cloned(buffer.k, columns_), cloned(buffer.v, columns_)});
  }
  KvCache forked(std::move(layers));
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

void KvCache::advance(const BatchLayout& layout) {
  columns_ = layout.keys();
  pads_ = layout.pads;
}

}  // namespace headscope
