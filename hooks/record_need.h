// How much memory a recording will take.
#pragma once

#include <vector>

#include "hooks/record.h"
#include "lib/model/memory_need.h"

namespace headscope {

// Of the batch of a recording that takes most.
MemoryNeed record_need(const Model& model,
                       const std::vector<Prompt>& prompts,
                       const RecordOptions& options);

}  // namespace headscope
