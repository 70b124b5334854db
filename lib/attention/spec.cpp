#include "lib/attention/spec.h"

#include <algorithm>

#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// What of a spec is one entry a head.
template <typename Choose>
void choose_heads(AttentionSpec& spec, const Choose& choose) {
  for (Tensor* each :
       {&spec.head_scale, &spec.alibi, &spec.key_slopes, &spec.distance_bias, &spec.sinks}) {
    *each = each->defined() ? choose(*each) : *each;
  }
}

// Specs without operators stay without: forms_scores() asks.
void forget_no_operators(AttentionSpec& spec) {
  const auto none = [](const auto& each) { return each == nullptr; };
  if (std::all_of(spec.operators.begin(), spec.operators.end(), none)) {
    spec.operators.clear();
  }
}

}  // namespace

AttentionSpec of_heads(const AttentionSpec& spec, HeadRange heads) {
  AttentionSpec some = spec;
  choose_heads(some, [&](const Tensor& all) { return all.narrow(0, heads.first, heads.count); });
  if (!spec.operators.empty()) {
    const auto first = spec.operators.begin() + heads.first;
    some.operators.assign(first, first + heads.count);
    forget_no_operators(some);
  }
  return some;
}

AttentionSpec of_heads(const AttentionSpec& spec, const std::vector<std::int64_t>& heads) {
  AttentionSpec some = spec;
  choose_heads(some, [&](const Tensor& all) {
    return all.index_select(0, index_tensor(heads, all.device()));
  });
  if (!spec.operators.empty()) {
    some.operators.clear();
    for (const std::int64_t head : heads) {
      some.operators.push_back(spec.operators.at(static_cast<std::size_t>(head)));
    }
    forget_no_operators(some);
  }
  return some;
}

}  // namespace headscope
