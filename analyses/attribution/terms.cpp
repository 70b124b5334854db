#include "analyses/attribution/terms.h"

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Σ over everything but row, column and head: [B, T, C].
Tensor by_column(const Tensor& product, const SweptPart& part) {
  const SiteInfo& site = info(part.site);
  const bool pattern = site.axis(Axis::query) >= 0;
  const bool has_heads = head_axis_of(part.site) != Axis::one;
  Tensor sum = product.sum(-1);
  if (pattern) {
    sum = sum.transpose(1, 2);  // [B, query, H]
  }
  if (!has_heads) {
    return sum.unsqueeze(-1);
  }
  return part.heads ? sum : sum.sum(-1, true);
}

Tensor grouped(const LayerCells& cells, const Tensor& columns) {
  return at::einsum("gbt,btc->gbc", {cells.masks.to(columns.device()), columns}).cpu();
}

// [B, H] of query heads → of the cells: heads of a KV group change together, or all do.
Tensor by_cell(const Tensor& by_head, const SweptPart& part, const ModelConfig& config) {
  if (!part.heads) {
    return by_head.sum(-1, true);
  }
  return part.site == Site::k
             ? by_head.unflatten(-1, {config.n_kv_heads, config.heads_per_kv()}).sum(-1)
             : by_head;
}

Tensor key_terms(const LayerCells& cells,
                 const LayerRun& run,
                 const Tensor& source,
                 const Tensor& gradient) {
  const Tensor own = watched(run, Site::k);
  const auto pattern_with = [&](const Tensor& changed) {
    return watched(run, Site::pattern, Site::k, at::where(changed, source, own));
  };
  // By the same computation as the others, so that no change is exactly none.
  const Tensor pattern = pattern_with(at::zeros({1, 1, 1, 1}, source.options().dtype(at::kBool)));
  std::vector<Tensor> groups;
  for (std::int64_t group = 0; group < cells.masks.size(0); ++group) {
    const Tensor here = cells.masks[group].to(own.device(), at::kBool).unsqueeze(-1).unsqueeze(-1);
    const Tensor change = (pattern_with(here) - pattern).to(at::kDouble);
    const Tensor by_head = (change * gradient.to(at::kDouble)).sum({-2, -1});
    groups.push_back(by_cell(by_head, cells.part, run.model.config()));
  }
  return at::stack(groups).cpu();
}

}  // namespace

Tensor linear_terms(const LayerCells& cells, const Tensor& difference, const Tensor& gradient) {
  const Tensor product = difference.to(at::kDouble) * gradient.to(at::kDouble);
  return grouped(cells, by_column(product, cells.part));
}

Tensor softmax_terms(const LayerCells& cells,
                     const LayerRun& run,
                     const Tensor& source,
                     const Tensor& pattern,
                     const Tensor& gradient) {
  if (cells.part.site == Site::k) {
    return key_terms(cells, run, source, gradient);
  }
  // A query changes its own row of the pattern alone: one run serves every group.
  const Tensor changed = watched(run, Site::pattern, Site::q, source);
  return linear_terms(
      {{Site::pattern, cells.part.heads}, cells.masks}, changed - pattern, gradient);
}

}  // namespace headscope
