#include "hooks/head_condition.h"

#include <array>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/named.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::array<std::pair<HeadStatistic, std::string_view>, 4> kHeadStatistics{
    {{HeadStatistic::first_token_mass, "first_token_mass"},
     {HeadStatistic::entropy, "entropy"},
     {HeadStatistic::self_mass, "self_mass"},
     {HeadStatistic::previous_token_mass, "previous_token_mass"}}};

// `values` [B, H, T], of queries in the columns `own` [T] of rows with `pads` [B].
Tensor within(const HeadCondition& condition,
              const Tensor& own,
              const Tensor& pads,
              const Tensor& values) {
  Tensor out = (own >= pads.view({-1, 1, 1})).expand(values.sizes());
  if (condition.above) {
    out = out.logical_and(values > *condition.above);
  }
  if (condition.below) {
    out = out.logical_and(values < *condition.below);
  }
  return out;
}

// The same, the last of whose queries is the last column of the pass.
Tensor within(const HeadCondition& condition, const Visit& visit, const Tensor& values) {
  const Tensor pads = index_tensor(visit.layout.pads, values.device());
  const std::int64_t keys = visit.layout.keys();
  return within(condition, at::arange(keys - values.size(2), keys, pads.options()), pads, values);
}

// The weights on one column a query: `column` [B or 1, 1, T, 1]; 0 where that is below 0.
Tensor weight_at(const Tensor& pattern, const Tensor& column) {
  const Tensor wanted = column.expand({pattern.size(0), pattern.size(1), pattern.size(2), 1});
  return at::where(wanted >= 0, pattern.gather(-1, wanted.clamp_min(0)), 0.0).squeeze(-1);
}

// `pattern` [B, H, T, S] of queries in the columns `own` [T] of rows with `pads` [B].
Tensor statistic_of(HeadStatistic statistic,
                    const Tensor& own,
                    const Tensor& pads,
                    const Tensor& pattern) {
  const Tensor p = pattern.to(at::kFloat);
  const Tensor column = own.view({1, 1, -1, 1});
  switch (statistic) {
    case HeadStatistic::first_token_mass:
      return weight_at(p, pads.view({-1, 1, 1, 1}));
    case HeadStatistic::entropy:
      return at::where(p > 0, p * p.log(), 0.0).sum(-1).neg();
    case HeadStatistic::self_mass:
      return weight_at(p, column);
    case HeadStatistic::previous_token_mass:
      return weight_at(p, column - 1);
  }
  throw InternalError("a statistic that nothing computes");
}

}  // namespace

std::string_view to_string(HeadStatistic statistic) {
  return name_of(kHeadStatistics, statistic);
}

HeadStatistic parse_head_statistic(std::string_view text) {
  return value_named(kHeadStatistics, text, "statistic");
}

StatisticsRequest head_statistics_request() {
  StatisticsRequest request;
  request.offsets = {0, 1};
  request.first = true;
  request.entropy = true;
  return request;
}

Tensor holds(const HeadCondition& condition, const Visit& visit, const AttentionStatistics& found) {
  switch (condition.statistic) {
    case HeadStatistic::first_token_mass:
      return within(condition, visit, found.first_mass);
    case HeadStatistic::entropy:
      return within(condition, visit, found.entropy);
    case HeadStatistic::self_mass:
      return within(condition, visit, found.offset_mass.select(-1, 0));
    case HeadStatistic::previous_token_mass:
      return within(condition, visit, found.offset_mass.select(-1, 1));
  }
  throw InternalError("a statistic that nothing computes");
}

Tensor holds(const HeadCondition& condition, const Visit& visit, const Tensor& pattern) {
  const Tensor pads = index_tensor(visit.layout.pads, pattern.device());
  const Tensor own = at::arange(pattern.size(3) - pattern.size(2), pattern.size(3), pads.options());
  return within(condition, visit, statistic_of(condition.statistic, own, pads, pattern));
}

Tensor holds(const HeadCondition& condition, const PlacedQuery& query, const Tensor& pattern) {
  const Tensor& own = query.column;
  const Tensor found = statistic_of(condition.statistic, own, query.pads, pattern);
  return within(condition, own, query.pads, found);
}

}  // namespace headscope
