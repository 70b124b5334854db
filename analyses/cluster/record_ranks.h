// A recording that ranks share: each records batches of prompts into a trace of its own
// (OUT.shards/rank-0003.h5), and one of them joins the traces.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "analyses/cluster/rank_group.h"
#include "hooks/record.h"

namespace headscope {

struct RankRecording {
  const Model& model;
  const std::vector<Prompt>& prompts;
  std::filesystem::path out;
  RecordOptions options;  // its `blocks` and `elsewhere` are set here
  std::function<void(std::int64_t done, std::int64_t batches)> watch = {};
};

struct RankRecordResult {
  RecordResult result;  // of this rank; where it joined them, of all
  bool joined = false;  // this rank wrote `out`, and is to tell of it
};

// The values have the bits of record() by one process. Throws what record() and agree() do;
// ResourceError if another rank failed, Interrupted if options.stop ended it, WorkIsOver.
RankRecordResult record_over_ranks(const RankRecording& recording, RankGroup& ranks);

}  // namespace headscope
