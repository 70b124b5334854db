// A direct logit attribution from a task's file to a result, kept in a file if one is named.
#pragma once

#include <cstdint>
#include <string>

#include "analyses/results/result_store.h"
#include "cli/verb.h"

namespace headscope {

struct AttributionVerbOptions {
  std::string model;
  std::string task;
  std::string out;    // empty: nothing is kept
  std::string trace;  // of the run taken apart, read instead of run; empty: it runs
  std::string intervene;
  std::string run = "clean";
  std::string metric;  // empty: by the task
  std::int64_t batch_tokens = 2048;
  std::size_t top = 10;
  bool overwrite = false;
  bool per_prompt = false;
  bool skip_unfit = false;
  PrependBos bos = PrependBos::automatic;
};

// Throws what loading, reading, attribute_logits() and the result store throw; Interrupted.
Result run_attribution(const AttributionVerbOptions& options, const Invocation& invocation);

}  // namespace headscope
