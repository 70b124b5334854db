#include "lib/attention/operated_heads.h"

#include <algorithm>

#include <ATen/ops/index_copy.h>

#include "lib/attention/head_operator.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Columns as places in their prompts: [B or 1] rows of them.
Tensor in_prompts(const Tensor& columns, const Tensor& pads) {
  return pads.defined() ? columns - pads.view({-1, 1, 1, 1}) : columns;
}

OperatorInputs operator_inputs(const AttentionInputs& in) {
  const std::int64_t queries = in.q.size(1);
  const std::int64_t keys = in.k.size(1);
  const std::int64_t first = in.first_query < 0 ? keys - queries : in.first_query;
  const auto options = in.q.options().dtype(at::kLong);
  const Tensor query = at::arange(first, first + queries, options).view({1, 1, -1, 1});
  const Tensor key = at::arange(keys, options).view({1, 1, 1, -1});
  return {in, in_prompts(query, in.pads), in_prompts(key, in.pads)};
}

bool is_all(const std::vector<std::int64_t>& heads, std::int64_t of) {
  return std::ssize(heads) == of;
}

// `whole` [B, H, T, S] with what `change` makes of the chosen heads in their place.
template <typename Change>
Tensor with_heads(const Tensor& whole,
                  const std::vector<std::int64_t>& heads,
                  const Change& change) {
  if (is_all(heads, whole.size(1))) {
    return change(whole);
  }
  const Tensor index = index_tensor(heads, whole.device());
  return at::index_copy(whole, 1, index, change(whole.index_select(1, index)));
}

// The chosen heads of an axis, which may be one for all.
Tensor of_axis(const Tensor& x, std::int64_t axis, const Tensor& index) {
  return x.defined() && x.size(axis) > 1 ? x.index_select(axis, index) : x;
}

}  // namespace

Tensor HeadOperator::pattern(const Tensor&) const {
  throw InternalError("an operator without a normalizer was asked for its pattern");
}

std::vector<OperatedHeads> operated_heads(const AttentionSpec& spec) {
  std::vector<OperatedHeads> groups;
  for (std::size_t head = 0; head < spec.operators.size(); ++head) {
    const HeadOperator* by = spec.operators[head].get();
    if (by == nullptr) {
      continue;
    }
    auto group = std::find_if(
        groups.begin(), groups.end(), [&](const OperatedHeads& each) { return each.by == by; });
    if (group == groups.end()) {
      groups.push_back({{}, by});
      group = std::prev(groups.end());
    }
    group->heads.push_back(static_cast<std::int64_t>(head));
  }
  return groups;
}

std::vector<OperatedHeads> heads_that_change(const AttentionInputs& in) {
  std::vector<OperatedHeads> groups = operated_heads(in.spec);
  std::erase_if(groups, [&](const OperatedHeads& each) {
    return in.k.size(1) <= each.by->changes_nothing_up_to();
  });
  return groups;
}

bool operators_normalize(const AttentionSpec& spec) {
  return std::any_of(spec.operators.begin(), spec.operators.end(), [](const auto& each) {
    return each != nullptr && each->normalizes();
  });
}

AttentionInputs inputs_of(const AttentionInputs& in, const std::vector<std::int64_t>& heads) {
  const std::int64_t all = in.q.size(2);
  if (is_all(heads, all)) {
    return in;
  }
  AttentionInputs some = in;
  const Tensor index = index_tensor(heads, in.q.device());
  const Tensor shared = index.floor_divide(all / in.k.size(2));
  some.q = in.q.index_select(2, index);
  some.k = in.k.index_select(2, shared);
  some.v = in.v.defined() ? in.v.index_select(2, shared) : in.v;
  some.spec = of_heads(in.spec, heads);
  some.score_scale = of_axis(in.score_scale, 1, index);
  some.bias = of_axis(in.bias, 1, index);
  some.lse = Tensor();
  return some;
}

Tensor operated_scores(const AttentionInputs& in, const Tensor& plain) {
  Tensor scores = plain;
  for (const OperatedHeads& group : heads_that_change(in)) {
    const AttentionInputs some = inputs_of(in, group.heads);
    scores = with_heads(scores, group.heads, [&](const Tensor& own) {
      return group.by->scores(operator_inputs(some), own);
    });
  }
  return scores;
}

Tensor operated_pattern(const AttentionSpec& spec, const Tensor& scores, const Tensor& plain) {
  Tensor pattern = plain;
  for (const OperatedHeads& group : operated_heads(spec)) {
    if (group.by->normalizes()) {
      const Tensor index = index_tensor(group.heads, scores.device());
      const Tensor own = group.by->pattern(scores.index_select(1, index));
      pattern = at::index_copy(pattern, 1, index, own);
    }
  }
  return pattern;
}

}  // namespace headscope
