// A direct logit attribution from a request to a result, kept in a file if one is named.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "analyses/results/result_store.h"
#include "analyses/sweep/request_field.h"
#include "analyses/sweep/result_header.h"
#include "analyses/task/task.h"
#include "hooks/stored_run.h"
#include "lib/model/model.h"

namespace headscope {

struct DlaRequest {
  // What a user sets by name: all but `out`, `if_exists` and the functions.
  RequestFields fields();

  std::string task;
  std::string out;    // empty: nothing is kept
  std::string trace;  // of the run taken apart, read instead of run; empty: it runs
  std::string run = "clean";
  std::string metric;  // empty: by the task
  std::int64_t batch_tokens = 2048;
  IfExists if_exists = IfExists::fail;  // of `out`; IfExists::resume is none
  bool skip_unfit = false;
  PrependBos bos = PrependBos::automatic;

  // Called as items are done, and asked between batches.
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
  std::function<bool()> stop = {};

  [[nodiscard]] TaskOptions task_options() const {
    return {.bos = bos, .unfit = skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail};
  }
};

// `trace` is that of request.trace; null if none is named. Throws what attribute_logits() and the
// result store throw, UsageError for a trace that does not fit or an intervention that never fired;
// Interrupted if request.stop ended it: no file is left then, and one to be replaced stays.
Result run_dla(const Model& model,
               const Task& task,
               const StoredRun* trace,
               const DlaRequest& request,
               const ResultOrigin& origin);

}  // namespace headscope
