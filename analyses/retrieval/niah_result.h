// What `headscope niah` found, summed up.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analyses/metric/summary.h"
#include "analyses/retrieval/niah.h"
#include "analyses/retrieval/retrieval.h"
#include "lib/base/json_fwd.h"

namespace headscope {

inline constexpr double kRetrievalHead = 0.1;  // least mean score, Wu et al. 2024
inline constexpr double kStrongHead = 0.5;

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
struct RetrievalHead {
  HeadId head;
  Summary score;
  double set = 0.0;
  double active = 0.0;
};
std::vector<RetrievalHead> retrieval_heads(const NiahResult& result);  // best first

std::int64_t heads_from(const std::vector<RetrievalHead>& heads, double least);

// Mean recall by context and depth.
struct Accuracy {
  std::vector<std::int64_t> contexts;
  std::vector<double> depths;
  std::map<std::pair<std::int64_t, double>, std::vector<double>> recalls;

  [[nodiscard]] OrderedJson at(std::int64_t context, double depth) const {
    const auto found = recalls.find({context, depth});
    return found == recalls.end() ? OrderedJson() : OrderedJson(mean_of(found->second));
  }
};

Accuracy accuracy_of(const NiahResult& result, std::size_t mask);

// Masks that differ only in their draw count as one: each prompt's mean over the draws.
struct MaskedAccuracy {
  const HeadMask* mask = nullptr;
  Summary recall;
  double passed = 0.0;
  std::size_t draws = 0;
};

std::vector<MaskedAccuracy> masked_accuracies(const NiahResult& result);

std::string kind_of(const HeadMask& mask);  // "none", "top", "random"

}  // namespace headscope
