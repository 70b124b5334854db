#include "analyses/sweep/plain_loop.h"

#include <algorithm>

#include "hooks/edits.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// The heads of a site that a cell is one of; its other axes are chosen column by column.
Selection heads_of_cell(Site site, const Cell& cell) {
  if (cell.head < 0) {
    return {};
  }
  return info(site).axis(Axis::kv_head) >= 0 ? Selection{.kv_heads = {{cell.head}}}
                                             : Selection{.heads = {{cell.head}}};
}

// `changed` [B, T], to broadcast against a value of the site.
Tensor mask_of_columns(const Tensor& changed, Site site, const Tensor& value) {
  const int position = std::max(info(site).axis(Axis::pos), info(site).axis(Axis::query));
  std::vector<std::int64_t> shape(static_cast<std::size_t>(value.dim()), 1);
  shape[0] = changed.size(0);
  shape[static_cast<std::size_t>(position)] = changed.size(1);
  return changed.view(shape).to(value.device());
}

}  // namespace

std::vector<ResultStore::Value> PlainLoop::run(Site site,
                                               const Cell& cell,
                                               std::int64_t index,
                                               const Tensor& changed) const {
  Edits edits;
  edits.at(hook_name(site, static_cast<int>(cell.layer)), heads_of_cell(site, cell))
      .apply([&](const Visit&, const Tensor& value) {
        return at::where(
            mask_of_columns(changed, site, value), replacement(site, cell.layer, value), value);
      });
  const Batch& run = batch.of(into);
  const Tensor logits =
      runner.whole_run({model, batch, run, runs.of(into), edits, scoring.vocab()});
  const std::vector<double> scored = scoring.values(logits, batch.items, runs.clean.logits());
  std::vector<ResultStore::Value> values;
  for (std::size_t i = 0; i < scored.size(); ++i) {
    values.push_back({index, batch.items[i], scored[i]});
  }
  return values;
}

}  // namespace headscope
