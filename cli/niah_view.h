// What `headscope niah` found, as tables, JSON and pictures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "analyses/metric/summary.h"
#include "analyses/retrieval/niah.h"
#include "analyses/retrieval/retrieval.h"
#include "cli/render/heat_map.h"
#include "cli/render/table.h"

namespace headscope {

struct NiahResult {
  std::string model;
  std::vector<NiahPrompt> prompts;
  std::vector<HeadMask> masks;  // the first is none
  RetrievalScores scores;
  std::uint64_t seed = 0;  // of bootstraps
  bool ready = false;      // prompts of a file: their contexts are what they are
};

// A head as the table has it. `score` is the mean of the count form with its 95 % interval,
// `active` the share of samples in which it scored at all.
struct FoundHead {
  std::int64_t layer = 0;
  std::int64_t head = 0;
  Summary score;
  double set = 0.0;
  double active = 0.0;
};
std::vector<FoundHead> found_heads(const NiahResult& result);  // best first

OrderedJson niah_json(const NiahResult& result, const Json& provenance);
std::string niah_text(const NiahResult& result);

// {"layer-head": [score a passed sample, …]} in the count form, as Retrieval_Head publishes it.
std::string published_scores(const NiahResult& result);

HeatMap accuracy_map(const NiahResult& result, std::size_t mask);
HeatMap heads_map(const NiahResult& result);

}  // namespace headscope
