// What `headscope niah` is told, and what its short forms mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyses/retrieval/head_mask.h"
#include "analyses/retrieval/niah.h"
#include "cli/ranks.h"

namespace headscope {

struct NiahVerbOptions {
  std::string model;
  std::string contexts = "512,1024,2048,4096";
  std::string depths = "10";
  std::string needles;
  std::string haystack;
  std::string prompts;
  std::string form = "plain";
  std::string mask_heads;
  std::string mask_curve;
  std::string mask_mode = "decode-uniform";
  std::string heads;
  std::int64_t draws = 3;
  std::int64_t top_k = 1;
  std::int64_t max_new = 50;
  std::int64_t batch_tokens = 16384;
  std::string out;
  std::string intervene;
  std::string attention;
  std::string scores;
  bool allow_beyond = false;
  bool resume = false;
  bool overwrite = false;
  PrependBos bos = PrependBos::automatic;
  RankOptions ranks{};
};

// "512,1024", or "500-8000:20": twenty from 500 to 8000, evenly. UsageError for others.
std::vector<std::int64_t> parse_contexts(const std::string& text);

// "10": ten from 0 to 100 percent, evenly and rounded; "0,50,100": these. UsageError for others.
std::vector<double> parse_depths(const std::string& text);

// What --mask-heads, --mask-curve and --heads ask for.
struct MaskPlan {
  std::vector<HeadMask> masks;  // without the unmasked run, ranking not filled in
  std::string ranking;          // the file that ranks heads; empty: the unmasked run does
};
MaskPlan mask_plan(const NiahVerbOptions& options);

// The heads of `path`, best first. UsageError naming both if they are not the model's query heads.
std::vector<HeadId> ranking_from(const std::string& path, const ModelConfig& config);

}  // namespace headscope
