// How much each feature of an autoencoder changes on a task, before anything is run: what chooses
// the features that are worth a run.
#pragma once

#include <cstdint>
#include <vector>

#include "analyses/sae/feature_source.h"
#include "analyses/task/task.h"
#include "lib/model/model.h"
#include "lib/sae/sae.h"

namespace headscope {

struct FeatureChanges {
  std::vector<float> size;       // Σ|f' − f|·‖W_dec row‖ over the tokens, one a feature
  std::vector<float> fired;      // share of the tokens
  std::vector<float> mean_code;  // over the tokens, 0 where it did not fire
};

struct FeatureChangeOptions {
  FeatureAct act = FeatureAct::patch;
  Run into = Run::corrupted;  // the run that is changed: its tokens
  std::int64_t batch_tokens = 4096;
};

// Two passes a batch of prompts. Throws what feature_point() throws.
FeatureChanges feature_changes(const Sae& sae,
                               const Model& model,
                               const Task& task,
                               const FeatureChangeOptions& options);

// The largest first; UsageError if none changes at all.
std::vector<std::int64_t> most_changed(const FeatureChanges& changes, std::int64_t most);

// UsageError for a feature that the autoencoder does not have, and for one named twice.
void check_features(const std::vector<std::int64_t>& features, const Sae& sae);

}  // namespace headscope
