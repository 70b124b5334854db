// What a result file says of where it came from.
#pragma once

#include <string>
#include <vector>

#include "analyses/results/result_store.h"
#include "analyses/task/task.h"
#include "cli/verb.h"
#include "lib/base/json.h"
#include "lib/model/model.h"

namespace headscope {

struct SweepOrigin {
  std::string kind;    // "patch"
  std::string metric;  // "logit_diff"
  std::string title;   // "z of the corrupted run ← clean"
  Json identity;       // every option that changes values
  PrependBos bos = PrependBos::automatic;
};

ResultHeader sweep_header(const Model& model,
                          const Task& task,
                          const std::vector<ResultAxis>& axes,
                          const Invocation& invocation,
                          const SweepOrigin& origin);

}  // namespace headscope
