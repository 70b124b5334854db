// Statistics of a long text as people and programs read them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hooks/statistics_points.h"
#include "lib/base/head_scores.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// Means over queries, of every head; empty where it was not asked for.
struct StatsSummary {
  std::int64_t tokens = 0;
  HeadGrid heads;
  HeadScores first, entropy, distance;
  // The column that receives most, the first token left out, and the mean of a query's mass on it
  // over the queries that see it.
  HeadTable<std::int64_t> top_column;
  HeadScores top_column_mass;
};

StatsSummary summarize(const StatisticsCollector& collector,
                       const ModelConfig& config,
                       const Prompt& prompt);

OrderedJson stats_json(const StatsSummary& summary);
std::string stats_text(const StatsSummary& summary, std::size_t top);

// FOLDER/layer-03.png: the block maps of the layer's heads.
void write_block_maps(const StatisticsCollector& collector,
                      const ModelConfig& config,
                      const std::string& model,
                      const std::filesystem::path& folder);

}  // namespace headscope
