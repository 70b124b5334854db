#include "lib/generate/row_changes.h"

#include <algorithm>
#include <utility>

#include <ATen/ops/full.h>
#include <ATen/ops/index_copy.h>

#include "lib/base/error.h"
#include "lib/model/changed_then_seen.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

template <typename Value>
std::vector<Value> chosen(const std::vector<Value>& values, const std::vector<std::int64_t>& rows) {
  std::vector<Value> some;
  for (const std::int64_t row : rows) {
    some.push_back(values[static_cast<std::size_t>(row)]);
  }
  return some;
}

bool follow_each_other(const std::vector<std::int64_t>& rows) {
  return rows.back() - rows.front() + 1 == static_cast<std::int64_t>(rows.size());
}

// The rows of a value whose first axis is the batch; a view where they follow each other. `index`:
// the same rows, on the value's device.
Tensor rows_of(const Tensor& value, const std::vector<std::int64_t>& rows, const Tensor& index) {
  if (!value.defined() || value.size(0) == 1) {  // one for all rows
    return value;
  }
  return follow_each_other(rows)
             ? value.narrow(0, rows.front(), static_cast<std::int64_t>(rows.size()))
             : value.index_select(0, index);
}

// `whole`, all `neutral` if it is undefined, with rows of its own put in: [total, …].
Tensor with_rows(const Tensor& whole,
                 const Tensor& part,
                 const Tensor& index,
                 std::int64_t total,
                 double neutral) {
  if (!part.defined()) {
    return whole;
  }
  const Tensor base = whole.defined() ? whole : at::full({1, 1, 1, 1}, neutral, part.options());
  std::vector<std::int64_t> shape{total};
  for (std::int64_t axis = 1; axis < 4; ++axis) {
    shape.push_back(std::max(base.size(axis), part.size(axis)));
  }
  const Tensor all = base.expand(shape);
  shape.front() = index.size(0);
  return at::index_copy(all, 0, index, part.expand(shape).contiguous());
}

}  // namespace

BatchLayout rows_of(const BatchLayout& layout, const std::vector<std::int64_t>& rows) {
  BatchLayout part = layout;
  part.rows = static_cast<std::int64_t>(rows.size());
  part.pads = chosen(layout.pads, rows);
  part.prompts = layout.prompts.empty() ? rows : chosen(layout.prompts, rows);
  if (layout.texts != nullptr) {
    part.texts = std::make_shared<const std::vector<RowText>>(chosen(*layout.texts, rows));
  }
  return part;
}

RowChanges::RowChanges(const Changes& changes, Tap& tap) : tap_(tap) {
  set_rows(changes);
}

void RowChanges::set_rows(const Changes& changes) {
  rows_ = static_cast<std::int64_t>(changes.size());
  std::vector<std::vector<std::int64_t>> before;
  for (Group& group : groups_) {
    before.push_back(std::exchange(group.rows, {}));
  }
  for (std::size_t row = 0; row < changes.size(); ++row) {
    if (changes[row] == nullptr) {
      continue;
    }
    auto group = std::find_if(groups_.begin(), groups_.end(), [&](const Group& other) {
      return other.change == changes[row];
    });
    if (group == groups_.end()) {
      groups_.push_back(
          {.change = changes[row], .tap = changes[row]->tap(), .rows = {}, .layout = {}});
      group = groups_.end() - 1;
    }
    group->rows.push_back(static_cast<std::int64_t>(row));
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (groups_[i].rows != before[i]) {
      groups_[i].index = Tensor();
    }
  }
  std::erase_if(groups_, [](const Group& group) { return group.rows.empty(); });
}

bool RowChanges::replayable() const {
  return tap_.replayable() && std::all_of(groups_.begin(), groups_.end(), [](const Group& group) {
           return group.tap->replayable();
         });
}

void RowChanges::steps_start() {
  for (Group& group : groups_) {
    group.tap->steps_start();
  }
  tap_.steps_start();
}

void RowChanges::step_begins(const BatchLayout& layout) {
  for (Group& group : groups_) {
    group.tap->step_begins(rows_of(layout, group.rows));
  }
  tap_.step_begins(layout);
}

void RowChanges::step_ended() {
  for (Group& group : groups_) {
    group.tap->step_ended();
  }
  tap_.step_ended();
}

void RowChanges::recording_failed() {
  for (Group& group : groups_) {
    group.tap->recording_failed();
    group.index = Tensor();
  }
  tap_.recording_failed();
}

void RowChanges::begin(const ModelConfig& config) {
  for (Group& group : groups_) {
    group.placed = false;
    group.tap->begin(config);
  }
  tap_.begin(config);
}

void RowChanges::end() {
  for (Group& group : groups_) {
    group.tap->end();
  }
  tap_.end();
}

Interest RowChanges::wants(HookPoint point) const {
  Interest interest = tap_.wants(point);
  for (const Group& group : groups_) {
    interest = std::max(interest, group.tap->wants(point));
  }
  return interest;
}

const BatchLayout& RowChanges::layout_of(Group& group, const BatchLayout& whole) {
  if (!group.placed || group.layout.past != whole.past || group.layout.columns != whole.columns) {
    group.layout = rows_of(whole, group.rows);
    group.placed = true;
  }
  return group.layout;
}

// The group's rows as a tensor, brought to the device once.
const Tensor& RowChanges::index_of(Group& group, const at::Device& device) {
  if (!group.index.defined() || group.index.device() != device) {
    group.index = index_tensor(group.rows, device);
  }
  return group.index;
}

AttentionInputs RowChanges::inputs_of(Group& group, const AttentionInputs& in) {
  const Tensor& index = index_of(group, in.q.device());
  AttentionInputs part = in;
  for (Tensor AttentionInputs::*each : {&AttentionInputs::q,
                                        &AttentionInputs::k,
                                        &AttentionInputs::v,
                                        &AttentionInputs::hidden,
                                        &AttentionInputs::score_scale,
                                        &AttentionInputs::bias,
                                        &AttentionInputs::lse,
                                        &AttentionInputs::pads}) {
    part.*each = rows_of(in.*each, group.rows, index);
  }
  return part;
}

Tensor RowChanges::changed(Group& group, const Visit& visit, const Tensor& value) {
  if (static_cast<std::int64_t>(group.rows.size()) == rows_) {
    const BatchLayout& layout = layout_of(group, visit.layout);
    return group.tap->visit({visit.point, layout, visit.config}, value);
  }
  if (value.size(0) != rows_) {
    throw UsageError("{}: its value is one for all texts of the batch, so it cannot change for one",
                     visit.name());
  }
  const Tensor& index = index_of(group, value.device());
  const Tensor own = rows_of(value, group.rows, index);
  const Tensor edited =
      group.tap->visit({visit.point, layout_of(group, visit.layout), visit.config}, own);
  return edited.is_same(own) ? value : at::index_copy(value, 0, index, edited);
}

Tensor RowChanges::visit(const Visit& visit, const Tensor& value) {
  return changed_then_seen(tap_, visit, value, [&](const Tensor& own) {
    Tensor current = own;
    for (Group& group : groups_) {
      if (group.tap->wants(visit.point) != Interest::none) {
        current = changed(group, visit, current);
      }
    }
    return current;
  });
}

bool RowChanges::wants_attention(int layer) const {
  return tap_.wants_attention(layer) ||
         std::any_of(groups_.begin(), groups_.end(), [&](const Group& group) {
           return group.tap->wants_attention(layer);
         });
}

void RowChanges::visit_attention(const Visit& visit, const AttentionInputs& in) {
  for (Group& group : groups_) {
    if (group.tap->wants_attention(visit.point.layer)) {
      const BatchLayout& layout = layout_of(group, visit.layout);
      group.tap->visit_attention({visit.point, layout, visit.config}, inputs_of(group, in));
    }
  }
  if (tap_.wants_attention(visit.point.layer)) {
    tap_.visit_attention(visit, in);
  }
}

bool RowChanges::changes_scores_fused(int layer) const {
  std::vector<const Tap*> taps{&tap_};
  for (const Group& group : groups_) {
    taps.push_back(group.tap.get());
  }
  return all_change_scores_fused(taps, layer);
}

void RowChanges::change_scores(const Visit& visit, AttentionInputs& in) {
  for (Group& group : groups_) {
    if (group.tap->wants(visit.point) == Interest::none) {
      continue;
    }
    AttentionInputs part = inputs_of(group, in);
    const BatchLayout& layout = layout_of(group, visit.layout);
    group.tap->change_scores({visit.point, layout, visit.config}, part);
    const Tensor& index = index_of(group, in.q.device());
    in.score_scale = with_rows(in.score_scale, part.score_scale, index, rows_, 1.0);
    in.bias = with_rows(in.bias, part.bias, index, rows_, 0.0);
  }
  if (tap_.wants(visit.point) != Interest::none) {
    tap_.change_scores(visit, in);
  }
}

}  // namespace headscope
