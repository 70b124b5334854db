#include "hooks/selection.h"

#include <algorithm>

#include "hooks/joined.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

int position_axis(Site site) {
  for (const Axis axis : {Axis::pos, Axis::query, Axis::key}) {
    if (info(site).axis(axis) >= 0) {
      return info(site).axis(axis);
    }
  }
  return -1;
}

// A mask of ones along every axis but one.
std::vector<std::int64_t> along(std::int64_t dims, int axis, std::int64_t size) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(dims), 1);
  shape[static_cast<std::size_t>(axis)] = size;
  return shape;
}

Tensor indices_mask(const std::vector<std::int64_t>& indices, const Tensor& value, int axis) {
  Tensor mask = at::zeros({value.size(axis)}, at::kBool);
  for (const std::int64_t index : indices) {
    mask[index].fill_(true);
  }
  return mask.view(along(value.dim(), axis, value.size(axis)));
}

// Which column of this pass holds token `position` of a row; nothing if another chunk does.
std::optional<std::int64_t> column_of(std::int64_t position,
                                      std::int64_t row,
                                      const Visit& visit,
                                      std::int64_t first_column) {
  const BatchLayout& layout = visit.layout;
  const std::int64_t length = layout.length(row);
  const std::int64_t token = position < 0 ? position + length : position;
  if (token < 0 || token >= length) {
    throw UsageError(
        "{}: position {} of prompt {}, which has {} tokens", visit.name(), position, row, length);
  }
  const std::int64_t column = token + layout.pads[static_cast<std::size_t>(row)] - first_column;
  if (column < 0 || column >= layout.keys() - first_column) {
    return std::nullopt;
  }
  return column;
}

// Whether a row of the batch is selected at all: the others need not have the positions.
bool holds_prompt(const Selection& selection, std::int64_t row) {
  return !selection.prompts ||
         std::find(selection.prompts->begin(), selection.prompts->end(), row) !=
             selection.prompts->end();
}

Tensor positions_mask(const Selection& selection, const Visit& visit, const Tensor& value) {
  const int axis = position_axis(visit.point.site);
  // The key axis of rot_k starts at the first cached column, the others at this pass's.
  const bool keys = info(visit.point.site).axis(Axis::key) == axis;
  const std::int64_t first_column = keys ? 0 : visit.layout.past;
  Tensor mask = at::zeros({visit.layout.rows, value.size(axis)}, at::kBool);
  for (std::int64_t row = 0; row < visit.layout.rows; ++row) {
    if (!holds_prompt(selection, row)) {
      continue;
    }
    for (const std::int64_t position : *selection.positions) {
      if (const auto column = column_of(position, row, visit, first_column)) {
        mask[row][*column].fill_(true);
      }
    }
  }
  std::vector<std::int64_t> shape(static_cast<std::size_t>(value.dim()), 1);
  shape[0] = visit.layout.rows;
  shape[static_cast<std::size_t>(axis)] = value.size(axis);
  return mask.view(shape);
}

}  // namespace

void check(const Selection& selection, HookPoint point, const ModelConfig& config) {
  const std::string name = hook_name(point.site, point.layer);
  const int head = head_axis(point.site);
  if (selection.heads) {
    if (head < 0) {
      throw UsageError("{}: has no head axis to select heads of", name);
    }
    const Axis axis = info(point.site).axes[static_cast<std::size_t>(head)];
    const std::int64_t heads = *axis_size(axis, config);
    for (const std::int64_t index : *selection.heads) {
      if (index < 0 || index >= heads) {
        throw UsageError("{}: head {} is out of range; it has {} {}s, 0 to {}",
                         name,
                         index,
                         heads,
                         to_string(axis),
                         heads - 1);
      }
    }
  }
  if (selection.positions && position_axis(point.site) < 0) {
    throw UsageError("{}: has no position axis", name);
  }
}

Tensor selected(const Selection& selection, const Visit& visit, const Tensor& value) {
  Tensor mask =
      at::ones(std::vector<std::int64_t>(static_cast<std::size_t>(value.dim()), 1), at::kBool);
  if (selection.prompts) {
    for (const std::int64_t prompt : *selection.prompts) {
      if (prompt < 0 || prompt >= visit.layout.rows) {
        throw UsageError("{}: prompt {} of a batch of {}", visit.name(), prompt, visit.layout.rows);
      }
    }
    mask = mask.logical_and(indices_mask(*selection.prompts, value, 0));
  }
  if (selection.heads) {
    mask = mask.logical_and(indices_mask(*selection.heads, value, head_axis(visit.point.site)));
  }
  if (selection.positions) {
    mask = mask.logical_and(positions_mask(selection, visit, value));
  }
  return mask.to(value.device());
}

}  // namespace headscope
