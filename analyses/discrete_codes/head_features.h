// What every head writes into the residual stream, one vector a prompt: the examples from which
// discrete-code circuits are found (O'Neill & Bui 2024, arXiv:2405.12522, section 3).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analyses/task/task.h"
#include "hooks/stored_run.h"
#include "lib/model/model.h"

namespace headscope {

// mean: over all of a prompt's own tokens, the one at the beginning too; last: at its last token.
enum class OverPositions { mean, last };

struct HeadFeatureOptions {
  OverPositions over = OverPositions::mean;
  // A trace of the run in place of forward passes; it must hold every prompt (check_stored_task()).
  const StoredRun* stored = nullptr;
  std::int64_t batch_tokens = 2048;
  std::function<void(std::int64_t prompts)> progress = {};  // called with how many more are done
  std::function<bool()> stop = {};                          // asked between batches
};

// [items, heads, d_model] f32 on the CPU: z W_O of each query head, layer by layer, without b_O. In
// a model with a norm behind attention (Gemma 2, 3) its gain is applied and its divisor, which
// depends on all heads, is not. Throws Interrupted if `stop` said so.
Tensor head_features(const Model& model,
                     const std::vector<TaskItem>& items,
                     Run run,
                     const HeadFeatureOptions& options);

}  // namespace headscope
