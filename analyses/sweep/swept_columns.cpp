#include "analyses/sweep/swept_columns.h"

#include <algorithm>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// The first column with anything true; T if there is none.
std::int64_t first_true(const Tensor& columns) {
  const Tensor any = columns.any(0);
  for (std::int64_t column = 0; column < any.size(0); ++column) {
    if (any[column].item<bool>()) {
      return column;
    }
  }
  return any.size(0);
}

}  // namespace

SweptColumns swept_columns(const SweepSpec& spec,
                           const ModelConfig& config,
                           const PromptBatch& batch,
                           const std::vector<TaskItem>& items) {
  const Tensor chosen = chosen_columns(spec.positions, batch, items);
  const bool causal = is_causal(config);
  const std::int64_t start =
      causal && spec.source->same_before_difference() ? batch.first_difference : 0;
  SweptColumns swept;
  const auto add = [&](std::int64_t pos, Tensor changed) {
    changed.narrow(1, 0, start).fill_(false);
    std::int64_t first = causal ? first_true(changed) : 0;
    first = !causal || spec.runner == nullptr ? first : spec.runner->first_column(batch, first);
    swept.groups.push_back({pos, changed, std::min(first, batch.columns() - 1)});
  };
  if (!spec.over_positions) {
    add(-1, chosen);
  }
  const std::vector<std::string> spans =
      spec.over_spans ? common_spans(items) : std::vector<std::string>{};
  for (std::size_t span = 0; span < spans.size(); ++span) {
    add(static_cast<std::int64_t>(span), columns_of_span(spans[span], batch, items));
  }
  const bool tokens = spec.over_positions && !spec.over_spans;
  for (std::int64_t pos = 0; tokens && pos < batch.columns(); ++pos) {
    Tensor one = at::zeros_like(chosen);
    one.select(1, pos).fill_(true);
    add(pos, one);
  }
  swept.kept_from = batch.columns() - 1;
  for (const ColumnGroup& group : swept.groups) {
    swept.kept_from = std::min(swept.kept_from, group.first);
  }
  return swept;
}

}  // namespace headscope
