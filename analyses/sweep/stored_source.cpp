#include "analyses/sweep/stored_source.h"

#include <algorithm>
#include <map>
#include <memory>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Prompts end in the last column, so the columns that `like` has are the last ones.
Tensor last_columns(Tensor value, Site site, const Tensor& like) {
  const auto& axes = info(site).axes;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::int64_t>(i);
    if (axes[i] == Axis::pos || axes[i] == Axis::query || axes[i] == Axis::key) {
      value = value.narrow(axis, value.size(axis) - like.size(axis), like.size(axis));
    }
  }
  return value;
}

// [B, T] bool: the columns from the first on in which a row's two prompts differ. Before it both
// runs of a causal model have the same values, and the trace's rounding is no change. What an
// intervention makes of attention is not known here: of a changed model all columns may differ.
Tensor differing_columns(const Model& model, const PromptBatch& batch) {
  const Tensor differ = batch.clean.tokens().ne(batch.corrupted.tokens());
  const bool follows = is_causal(model.config()) && model.standing() == nullptr;
  return follows ? differ.cumsum(1).gt(0) : at::ones(differ.sizes(), at::kBool);
}

// [B, T] along the batch and position axes of the site.
Tensor along_site(const Tensor& columns, Site site) {
  const SiteInfo& row = info(site);
  const int query = row.axis(Axis::query);
  const int axis = query >= 0 ? query : std::max(row.axis(Axis::pos), row.axis(Axis::key));
  std::vector<std::int64_t> shape(row.axes.size(), 1);
  shape[0] = columns.size(0);
  shape[static_cast<std::size_t>(axis)] = columns.size(1);
  return columns.view(shape);
}

}  // namespace

Replacement StoredSource::of_batch(const BatchRuns& runs) const {
  using Kept = std::map<std::pair<Site, std::int64_t>, Tensor>;
  const Batch& batch = runs.batch.of(from_);
  const auto kept = std::make_shared<Kept>();
  const Tensor differs = differing_columns(model_, runs.batch);
  return [this, &batch, differs, prompts = stored_.prompts_of(batch), kept](
             Site site, std::int64_t layer, const Tensor& original) {
    Tensor& value = (*kept)[{site, layer}];
    if (!value.defined()) {
      const Tensor whole =
          stored_.at(hook_name(site, static_cast<int>(layer)), prompts, batch.layout());
      const Tensor changed =
          last_columns(along_site(differs, site).expand_as(whole), site, original);
      value = at::where(changed.to(original.device()),
                        last_columns(whole, site, original).to(original.options()),
                        original);
    }
    return value;
  };
}

}  // namespace headscope
