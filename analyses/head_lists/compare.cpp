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
    query = reduced_to_kv(query, (a.space == HeadSpace::query ? b : a).heads);
  }
  if (a.layers != b.layers || a.heads != b.heads) {
    throw UsageError("{} is of {}, {} of {}: lists of different models do not compare head by head",
                     a.path,
                     shape_of(a),
                     b.path,
                     shape_of(b));
  }
}

std::set<std::int64_t> top_of(const HeadList& list, std::int64_t k) {
  std::set<std::int64_t> places;
  const std::vector<ListedHead> ranked = list.ranked();
  for (std::int64_t i = 0; i < k; ++i) {
    const ListedHead& head = ranked[static_cast<std::size_t>(i)];
    places.insert(head.layer * list.heads + head.head);
  }
  return places;
}

// True if the head behind the first k has the score of the last of them.
bool cuts_a_tie(const HeadList& list, std::int64_t k) {
  const std::vector<ListedHead> ranked = list.ranked();
  const auto cut = static_cast<std::size_t>(k);
  return cut < ranked.size() && ranked[cut].score == ranked[cut - 1].score;
}

TopOverlap overlap_of(const HeadList& a, const HeadList& b, std::int64_t k) {
  const std::set<std::int64_t> first = top_of(a, k);
  const std::set<std::int64_t> second = top_of(b, k);
  TopOverlap overlap{.k = k};
  overlap.both = std::count_if(
      first.begin(), first.end(), [&](std::int64_t place) { return second.contains(place); });
  overlap.jaccard = static_cast<double>(overlap.both) / static_cast<double>(2 * k - overlap.both);
  overlap.expected = static_cast<double>(k * k) / static_cast<double>(a.scores.size());
  overlap.tied = cuts_a_tie(a, k) || cuts_a_tie(b, k);
  return overlap;
}

}  // namespace

ListSummary summarize(const HeadList& list) {
  ListSummary summary;
  const auto n = static_cast<double>(list.scores.size());
  summary.at_least_tenth = count_from(list.scores, 0.1);
  summary.at_least_half = count_from(list.scores, 0.5);
  summary.always_active = count_from(list.active, 1.0);
  summary.mean = std::accumulate(list.scores.begin(), list.scores.end(), 0.0) / n;
  summary.median = median_of(list.scores);
  const auto none = std::count_if(
      list.scores.begin(), list.scores.end(), [](double score) { return !(score > 0); });
  summary.bins.none = static_cast<double>(none) / n;
  summary.bins.strong = static_cast<double>(summary.at_least_half) / n;
  summary.bins.retrieval = static_cast<double>(summary.at_least_tenth) / n - summary.bins.strong;
  summary.bins.weak = 1.0 - summary.bins.none - summary.bins.strong - summary.bins.retrieval;
  return summary;
}

Comparison compare(const HeadList& a, const HeadList& b, const CompareOptions& options) {
  Comparison result{.a = a, .b = b, .overlaps = {}, .pearson = {}, .spearman = {}};
  bring_together(result.a, result.b, options.kv);
  const std::vector<double>& first = result.a.scores;
  const std::vector<double>& second = result.b.scores;
  for (const std::int64_t k : options.top) {
    if (k <= static_cast<std::int64_t>(first.size())) {
      result.overlaps.push_back(overlap_of(result.a, result.b, k));
    }
  }
  result.pearson = pearson(first, second);
  result.spearman = pearson(ranks(first), ranks(second));
  return result;
}

}  // namespace headscope
