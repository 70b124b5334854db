// One pass over a probe's prompts for all detectors that read it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analyses/head_detectors/detector.h"

namespace headscope {

// Hands out the statistics of each layer on prompts of one length. By default (statistics_by_pass)
// a forward pass and lib/attention/statistics.h; tests form them from patterns.
using LayerStatistics = std::function<void(int layer, const AttentionStatistics& statistics)>;
using StatisticsOf = std::function<void(const Model& model,
                                        const std::vector<ProbePrompt>& prompts,
                                        const StatisticsRequest& request,
                                        const LayerStatistics& receive)>;
// Throws DataError where attention is not finite.
void statistics_by_pass(const Model& model,
                        const std::vector<ProbePrompt>& prompts,
                        const StatisticsRequest& request,
                        const LayerStatistics& receive);

struct ProbePassOptions {
  std::vector<std::uint64_t> seeds;
  std::int64_t batch_tokens = 4096;
  std::function<bool()> stop = {};
  std::function<void(double part)> progress = {};
  StatisticsOf statistics = statistics_by_pass;
};

// What one reading saw.
struct ReadingResult {
  Finding finding;
  std::vector<std::string> groups;  // of each sample
};

// The first span that the reading asks for and a prompt of `seed` lacks; empty: none. Throws what
// make_probe() does.
std::string missing_span(const Model& model, const Reading& reading, std::uint64_t seed);

// One result a reading, all of `probe`. Fewer samples than prompts if `stop` ended it. Throws
// what make_probe() does.
std::vector<ReadingResult> read_probe(const Model& model,
                                      const Probe& probe,
                                      const std::vector<const Reading*>& readings,
                                      const ProbePassOptions& options);

}  // namespace headscope
