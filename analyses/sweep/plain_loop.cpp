#include "analyses/sweep/plain_loop.h"

#include <algorithm>
#include <map>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Some heads of a site; its other axes are chosen column by column.
Selection heads_selection(Site site, const std::vector<std::int64_t>& heads) {
  return info(site).axis(Axis::kv_head) >= 0 ? Selection{.kv_heads = heads}
                                             : Selection{.heads = heads};
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
  change(edits,
         site,
         cell.layer,
         cell.head < 0 ? Selection{} : heads_selection(site, {cell.head}),
         changed);
  return scored(edits, index);
}

std::vector<ResultStore::Value> PlainLoop::run_together(Site site,
                                                        const std::vector<HeadId>& heads,
                                                        std::int64_t index,
                                                        const Tensor& changed) const {
  std::map<std::int64_t, std::vector<std::int64_t>> of_layers;
  for (const HeadId& head : heads) {
    of_layers[head.layer].push_back(head.head);
  }
  Edits edits;
  for (const auto& [layer, some] : of_layers) {
    change(edits, site, layer, heads_selection(site, some), changed);
  }
  return scored(edits, index);
}

void PlainLoop::change(Edits& edits,
                       Site site,
                       std::int64_t layer,
                       const Selection& heads,
                       const Tensor& changed) const {
  edits.at(hook_name(site, static_cast<int>(layer)), heads)
      .apply([this, site, layer, &changed](const Visit&, const Tensor& value) {
        return at::where(
            mask_of_columns(changed, site, value), replacement(site, layer, value), value);
      });
}

std::vector<ResultStore::Value> PlainLoop::scored(Edits& edits, std::int64_t index) const {
  const Batch& run = batch.of(into);
  const Tensor logits =
      runner.whole_run({model, batch, run, runs.of(into), edits, scoring.vocab()});
  const std::vector<double> metric = scoring.values(logits, batch.items, runs.clean.logits());
  std::vector<ResultStore::Value> values;
  for (std::size_t i = 0; i < metric.size(); ++i) {
    values.push_back({index, batch.items[i], metric[i]});
  }
  return values;
}

}  // namespace headscope
