#include "lib/model/kv_prefix.h"

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor joined(const Tensor& kept, std::int64_t columns, const Tensor& row, const Tensor& own) {
  Tensor out =
      at::empty({own.size(0), columns + own.size(1), own.size(2), own.size(3)}, own.options());
  out.narrow(1, 0, columns)
      .copy_(kept.narrow(1, 0, columns).index_select(0, row.to(kept.device())));
  out.narrow(1, columns, own.size(1)).copy_(own);
  return out;
}

}  // namespace

KvPrefix::Entry KvPrefix::join(std::int64_t layer, const Tensor& k, const Tensor& v) const {
  if (columns == 0) {
    return {k, v};
  }
  if (layer >= static_cast<std::int64_t>(layers.size()) || !row.defined()) {
    throw UsageError("a prefix of {} columns has no keys for layer {}", columns, layer);
  }
  const Entry& kept = layers[static_cast<std::size_t>(layer)];
  return {joined(kept.k, columns, row, k), joined(kept.v, columns, row, v)};
}

}  // namespace headscope
