// Attention statistics under hook names: blocks.3.attn.hook_pattern_entropy, what a trace stores of
// contexts whose patterns would not fit.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hooks/trace/trace_schema.h"
#include "lib/attention/statistics.h"
#include "lib/model/tap.h"

namespace headscope {

struct StatisticsChoice {
  std::vector<std::string> names;  // of statistic_names()
  std::int64_t top_k = 4;          // of "top"
  std::int64_t block = 128;        // of "blocks"
};

// "first", "entropy", "distance", "columns", "top", "blocks".
const std::vector<std::string>& statistic_names();

// UsageError naming the nearest for a name that is none of them.
StatisticsRequest statistics_request(const StatisticsChoice& choice);

// Their datasets for every layer: [prompt, head, query] f32, or [prompt, head, key] of "columns",
// [prompt, head, query, top] of "top" (key and weight; −1 and 0 where there are fewer keys),
// [prompt, head, query_block, key_block] of "blocks" for prompts of at most `longest` tokens.
std::vector<TraceDataset> statistics_datasets(const StatisticsChoice& choice,
                                              const ModelConfig& config,
                                              std::int64_t longest);

// Puts the chunks of a pass together.
class StatisticsCollector {
 public:
  explicit StatisticsCollector(const ModelConfig& config)
      : layers_(static_cast<std::size_t>(config.n_layers)) {}

  void add(const Visit& visit, const AttentionStatistics& part);

  // Of all chunks added, on the CPU; without lse.
  [[nodiscard]] const AttentionStatistics& layer(int layer) const {
    return layers_.at(static_cast<std::size_t>(layer));
  }

 private:
  std::vector<AttentionStatistics> layers_;
};

// One prompt's values of a dataset of statistics_datasets(), padding cut off: by name without the
// "blocks.3.attn.hook_pattern_".
struct NamedStatistic {
  std::string name;
  Tensor value;
};
std::vector<NamedStatistic> statistics_of_prompt(const StatisticsChoice& choice,
                                                 const AttentionStatistics& statistics,
                                                 std::int64_t row,
                                                 std::int64_t pad);

std::string statistic_point(int layer, std::string_view name);

}  // namespace headscope
