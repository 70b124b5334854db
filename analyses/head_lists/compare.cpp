#include "analyses/head_lists/compare.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "analyses/attribution/agreement.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::int64_t count_from(const std::vector<double>& scores, double least) {
  return std::count_if(scores.begin(), scores.end(), [&](double s) { return s >= least; });
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

// Both lists over the same heads.
void bring_together(HeadList& a, HeadList& b, KvReduction kv) {
  if (a.space != b.space) {
    if (kv == KvReduction::refuse) {
      throw UsageError(
          "{} lists {} and {} lists {}: a number of one means another head in the "
          "other; --kv max takes the largest of each group of query heads",
          a.path,
          to_string(a.space),
          b.path,
          to_string(b.space));
    }
    HeadList& query = a.space == HeadSpace::query ? a : b;
    query = reduced_to_kv(query, (a.space == HeadSpace::query ? b : a).scores.grid.n_heads);
  }
  if (a.scores.grid != b.scores.grid) {
    throw UsageError("{} is of {}, {} of {}: lists of different models do not compare head by head",
                     a.path,
                     shape_of(a),
                     b.path,
                     shape_of(b));
  }
}

TopOverlap overlap_of(const HeadScores& a, const HeadScores& b, std::int64_t k) {
  const auto count = static_cast<std::size_t>(k);
  const std::vector<HeadId> first = top_heads(a, count);
  const std::vector<HeadId> second = top_heads(b, count);
  const std::set<HeadId> among(second.begin(), second.end());
  TopOverlap overlap{.k = k};
  overlap.both = std::count_if(
      first.begin(), first.end(), [&](const HeadId& head) { return among.contains(head); });
  overlap.jaccard = static_cast<double>(overlap.both) / static_cast<double>(2 * k - overlap.both);
  overlap.expected = static_cast<double>(k * k) / static_cast<double>(a.size());
  overlap.tied = top_cuts_a_tie(a, count) || top_cuts_a_tie(b, count);
  return overlap;
}

}  // namespace

ListSummary summarize(const HeadList& list) {
  ListSummary summary;
  const std::vector<double>& scores = list.scores.values;
  const auto n = static_cast<double>(scores.size());
  summary.at_least_tenth = count_from(scores, 0.1);
  summary.at_least_half = count_from(scores, 0.5);
  summary.always_active = count_from(list.active.values, 1.0);
  summary.mean = std::accumulate(scores.begin(), scores.end(), 0.0) / n;
  summary.median = median_of(scores);
  const auto none =
      std::count_if(scores.begin(), scores.end(), [](double score) { return !(score > 0); });
  summary.bins.none = static_cast<double>(none) / n;
  summary.bins.strong = static_cast<double>(summary.at_least_half) / n;
  summary.bins.retrieval = static_cast<double>(summary.at_least_tenth) / n - summary.bins.strong;
  summary.bins.weak = 1.0 - summary.bins.none - summary.bins.strong - summary.bins.retrieval;
  return summary;
}

Comparison compare(const HeadList& a, const HeadList& b, const CompareOptions& options) {
  Comparison result{.a = a, .b = b, .overlaps = {}, .pearson = {}, .spearman = {}};
  bring_together(result.a, result.b, options.kv);
  const std::vector<double>& first = result.a.scores.values;
  const std::vector<double>& second = result.b.scores.values;
  for (const std::int64_t k : options.top) {
    if (k <= static_cast<std::int64_t>(first.size())) {
      result.overlaps.push_back(overlap_of(result.a.scores, result.b.scores, k));
    }
  }
  result.pearson = pearson(first, second);
  result.spearman = pearson(ranks(first), ranks(second));
  return result;
}

}  // namespace headscope
