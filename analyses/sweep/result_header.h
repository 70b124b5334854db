// What a file of results says of where it came from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyses/results/result_store.h"
#include "analyses/task/task.h"
#include "lib/base/json.h"
#include "lib/model/model.h"

namespace headscope {

// Who asked for it.
struct ResultOrigin {
  std::string command_line;
  std::uint64_t seed = 0;
};

struct ResultSubject {
  std::string kind;    // "patch"
  std::string metric;  // "logit_diff"
  std::string title;   // "z of the corrupted run ← clean"
  Json identity;       // every option that changes values
  PrependBos bos = PrependBos::automatic;
};

ResultHeader result_header(const Model& model,
                           const Task& task,
                           const std::vector<ResultAxis>& axes,
                           const ResultOrigin& origin,
                           const ResultSubject& subject);

}  // namespace headscope
