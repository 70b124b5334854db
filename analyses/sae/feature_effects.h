// What single features of an autoencoder do to a task: each ablated, or patched from the corrupted
// prompt, in a run of its own: a sweep (analyses/sweep) summarised.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analyses/metric/summary.h"
#include "analyses/sae/feature_source.h"
#include "analyses/sweep/sweep.h"

namespace headscope {

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
  std::int64_t memory = std::int64_t{1} << 30;  // bytes the sweep may take beside the weights
  std::uint64_t seed = 0;                       // of bootstrap intervals
  std::function<void(const SweepProgress&)> progress = {};
  std::function<bool()> stop = {};  // asked between passes: Interrupted
};

// The clean run is changed. Without a list the features are most_changed(). The autoencoder lies on
// the model's device. Throws what feature_changes(), check_features() and run_sweep() throw.
FeatureEffects feature_effects(const Sae& sae,
                               const Model& model,
                               const Task& task,
                               const Metric& metric,
                               const FeatureEffectOptions& options);

}  // namespace headscope
