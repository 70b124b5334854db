// How far two lists of heads agree. Free of Torch.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "analyses/head_lists/head_list.h"

namespace headscope {

// How to compare a list of query heads with one of KV heads: not at all, or the former reduced by
// the maximum over each group.
enum class KvReduction { refuse, max };

struct CompareOptions {
  KvReduction kv = KvReduction::refuse;
  std::vector<std::int64_t> top{5, 10, 20, 50};
};

// Of the k highest heads of both lists, those in both.
struct TopOverlap {
  std::int64_t k = 0;
  std::int64_t both = 0;
  double jaccard = 0.0;   // both / (2k − both)
  double expected = 0.0;  // of `both`, for two random choices: k² / all
  bool tied = false;      // the cut falls among equal scores: which heads are in is chance
};

// Shares of heads with a score ≤ 0, in (0, 0.1), in [0.1, 0.5), and of 0.5 or more: the bins of Wu
// et al. 2024, fig. 3.
struct ScoreBins {
  double none = 0.0;
  double weak = 0.0;
  double retrieval = 0.0;
  double strong = 0.0;
};

struct ListSummary {
  std::int64_t at_least_tenth = 0;  // heads of score ≥ 0.1, Wu's threshold of a retrieval head
  std::int64_t at_least_half = 0;   // of score ≥ 0.5: strong ones
  std::int64_t always_active = 0;   // above 0 in every sample; 0 without samples
  double mean = 0.0;
  double median = 0.0;
  ScoreBins bins;
};
ListSummary summarize(const HeadList& list);

struct Comparison {
  HeadList a;  // as compared, reduced where asked
  HeadList b;
  std::vector<TopOverlap> overlaps;  // k beyond the number of heads is left out
  std::optional<double> pearson;     // over all heads; none where a list does not vary
  std::optional<double> spearman;
};

// Throws UsageError naming both lists if their layers or heads differ, or one counts query heads
// and the other KV heads and options.kv refuses.
Comparison compare(const HeadList& a, const HeadList& b, const CompareOptions& options = {});

}  // namespace headscope
