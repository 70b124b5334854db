#include "hooks/statistics_tap.h"

#include <algorithm>

#include "lib/attention/attention.h"
#include "lib/base/error.h"
#include "lib/model/not_finite.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// The part of [n, B, whole] that a chunk is about, on its device.
Tensor part_of(const Tensor& whole, std::int64_t begin, std::int64_t count, const Tensor& like) {
  if (!whole.defined()) {
    return whole;
  }
  if (whole.size(2) < begin + count) {
    throw UsageError(
        "statistics for {} columns, but the pass has {}", whole.size(2), begin + count);
  }
  return whole.narrow(2, begin, count).to(like.device());
}

// `value` [B, n_heads, …]; undefined: not asked for.
void require_finite_heads(const Tensor& value, int layer, const Model& model) {
  if (!value.defined() || value.numel() == 0) {
    return;
  }
  const Tensor finite = value.isfinite().flatten(2).all(2).all(0).cpu();  // [n_heads]
  for (std::int64_t head = 0; head < finite.numel(); ++head) {
    if (!finite.const_data_ptr<bool>()[head]) {
      throw DataError(
          "the attention of head {}.{} is not finite; {}", layer, head, not_finite_advice(model));
    }
  }
}

}  // namespace

void require_finite(const AttentionStatistics& statistics, int layer, const Model& model) {
  for (const auto field : kStatisticsOfQueries) {
    require_finite_heads(statistics.*field, layer, model);
  }
  for (const auto field : kStatisticsOverQueries) {
    require_finite_heads(statistics.*field, layer, model);
  }
}

bool StatisticsTap::wants_attention(int layer) const {
  return layers_.empty() || std::find(layers_.begin(), layers_.end(), layer) != layers_.end();
}

void StatisticsTap::visit_attention(const Visit& visit, const AttentionInputs& in) {
  const BatchLayout& layout = visit.layout;
  StatisticsRequest request = request_;
  request.spans = part_of(request.spans, 0, in.k.size(1), in.q);
  request.targets = part_of(request.targets, layout.past, in.q.size(1), in.q);
  receive_(visit,
           attention_statistics(
               {.q = in.q,
                .k = in.k,
                .spec = in.spec,
                .score_scale = in.score_scale,
                .bias = in.bias,
                .pads = layout.padded() ? index_tensor(layout.pads, in.q.device()) : Tensor(),
                .lse = in.lse},
               request));
}

}  // namespace headscope
