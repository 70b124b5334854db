#include "lib/attention/attention.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {

Tensor hidden_keys(const BatchLayout& layout, std::int64_t window, const at::Device& device) {
  const bool windowed = window > 0 && layout.keys() > window;
  if (!layout.padded() && !windowed && (layout.past == 0 || layout.columns == 1)) {
    return {};
  }
  const Tensor key = at::arange(layout.keys(), at::kLong).view({1, 1, 1, -1});
  const Tensor query = at::arange(layout.past, layout.keys(), at::kLong).view({1, 1, -1, 1});
  Tensor hidden = key > query;
  if (windowed) {
    hidden = hidden.logical_or(key <= query - window);
  }
  if (layout.padded()) {
    const Tensor pads = index_tensor(layout.pads, at::kCPU).view({-1, 1, 1, 1});
    hidden = hidden.logical_or((key < pads).logical_and(key != query));
  }
  return hidden.to(device);
}

}  // namespace headscope
