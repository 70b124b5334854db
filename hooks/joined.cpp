#include "hooks/joined.h"

#include <limits>

#include "lib/tensor/ops.h"

namespace headscope {

int head_axis(Site site) {
  const int head = info(site).axis(Axis::head);
  return head >= 0 ? head : info(site).axis(Axis::kv_head);
}

Tensor join_chunks(const std::vector<Tensor>& chunks, Site site) {
  if (chunks.size() == 1) {
    return chunks.front();
  }
  const SiteInfo& row = info(site);
  const int queries = row.axis(Axis::query);
  const int along = queries >= 0 ? queries : row.axis(Axis::pos);
  if (along < 0) {
    return chunks.back();
  }
  const int keys = row.axis(Axis::key);
  if (keys < 0) {
    return at::cat(chunks, along);
  }
  const double fill = site == Site::attn_scores ? -std::numeric_limits<double>::infinity() : 0.0;
  std::vector<Tensor> wide;
  for (const Tensor& chunk : chunks) {
    auto sizes = chunk.sizes().vec();
    sizes[static_cast<std::size_t>(keys)] = chunks.back().size(keys);
    Tensor padded = at::full(sizes, fill, chunk.options());
    padded.narrow(keys, 0, chunk.size(keys)).copy_(chunk);
    wide.push_back(padded);
  }
  return at::cat(wide, along);
}

Tensor one_prompt(const Tensor& value, Site site, std::int64_t prompt, std::int64_t pad) {
  Tensor out = value.select(0, prompt);
  const auto& axes = info(site).axes;
  for (std::size_t i = 1; i < axes.size(); ++i) {
    if (axes[i] == Axis::pos || axes[i] == Axis::query || axes[i] == Axis::key) {
      const auto axis = static_cast<std::int64_t>(i) - 1;
      out = out.narrow(axis, pad, out.size(axis) - pad);
    }
  }
  return out;
}

}  // namespace headscope
