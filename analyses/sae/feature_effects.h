// What single features of an autoencoder do to a task: each ablated, or patched from the corrupted
// prompt, in a run of its own, many at once as rows of a batch.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analyses/metric/summary.h"
#include "analyses/sweep/scoring.h"
#include "analyses/task/task.h"
#include "lib/model/model.h"
#include "lib/sae/sae.h"

namespace headscope {

enum class FeatureAct {
  ablate,  // its code becomes 0 at every token
  patch    // it becomes that of the corrupted prompt at the same token
};

struct FeatureEffect {
  std::int64_t feature = 0;
  double fired = 0.0;      // share of the clean prompts' tokens
  double mean_code = 0.0;  // over those tokens, 0 where it did not fire
  Summary effect;          // metric of the changed run − of the clean one, over items
};

struct FeatureEffects {
  std::vector<FeatureEffect> features;  // by |mean effect|, the largest first
  double clean = 0.0;                   // the metric's mean over items
  double corrupted = 0.0;
};

struct FeatureEffectOptions {
  FeatureAct act = FeatureAct::ablate;
  std::vector<std::int64_t> features{};  // empty: those that change most, at most `most`
  std::int64_t most = 100;
  std::int64_t batch_tokens = 4096;  // rows × columns of one pass
  std::uint64_t seed = 0;            // of bootstrap intervals
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // features · batches
  std::function<bool()> stop = {};  // asked between passes: Interrupted
};

// The error term stays: what a feature is not blamed for is as in the clean run. Without a list the
// features with the largest Σ|f' − f|·‖W_dec row‖ over the clean prompts' tokens are taken. The
// autoencoder lies on the model's device. Throws UsageError for one of another width or hook point,
// a transcoder, a feature that it does not have, and what Scoring throws.
FeatureEffects feature_effects(const Sae& sae,
                               const Model& model,
                               const Task& task,
                               const Scoring& scoring,
                               const FeatureEffectOptions& options);

}  // namespace headscope
