// A whole needle-in-a-haystack run: every prompt under every mask, taking up what an earlier run's
// log has.
#pragma once

#include <functional>
#include <vector>

#include "analyses/cluster/shared_work.h"
#include "analyses/retrieval/niah_log.h"
#include "analyses/retrieval/niah_result.h"

namespace headscope {

struct NiahRunOptions {
  RetrievalOptions retrieval = {};  // its `masks` and `done` are set here
  std::vector<HeadMask> masks;      // beside the unmasked run; their `ranked` is filled in here
  std::vector<HeadId> ranking;      // best first; empty: by the unmasked run's own scores

  // A ranking by own scores takes two rounds of prompts. Told as one begins: how many samples it
  // takes, and how many of them an earlier run has left; and after every new one.
  std::function<void(std::int64_t wanted, std::int64_t have)> begin = {};
  std::function<void()> each = {};

  // Ranks that share the batches of prompts: every one ends with all samples, the log has none.
  // Null: this process alone.
  SharedWork* work = nullptr;
};

// Adds the masks and the samples to `result`, which holds the prompts and the unmasked mask, and
// every new sample to `log`. False if options.retrieval.stop ended it: the log has what was
// finished. Throws UsageError if masks need a ranking and no prompt passed, or for masks of more
// heads than the model has, before any run where that can be known; of ranks, what
// SharedWork::run() does.
bool run_niah(const Model& model, NiahResult& result, NiahLog& log, const NiahRunOptions& options);

}  // namespace headscope
