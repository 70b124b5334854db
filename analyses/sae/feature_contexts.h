// Where the features of an autoencoder fire: how often, how strongly, and in which contexts most.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lib/model/model.h"
#include "lib/sae/sae.h"
#include "lib/text/prompt.h"

namespace headscope {

struct FeatureContext {
  std::int64_t prompt = 0;    // from 0
  std::int64_t position = 0;  // the token at which the feature's code is largest in this prompt
  double code = 0.0;
};

struct FeatureUse {
  std::int64_t feature = 0;
  double density = 0.0;                  // share of tokens on which it fired
  double largest = 0.0;                  // code
  double mean_code = 0.0;                // over the tokens on which it fired
  std::vector<FeatureContext> contexts;  // the prompts with the largest codes, largest first
};

struct FeatureContexts {
  std::int64_t tokens = 0;
  std::int64_t dead = 0;  // features that fired on none
  // How many features fire on a share of tokens in [10^e, 10^(e + ½)), for e from `first` in steps
  // of ½: the density histogram.
  double first = 0.0;
  std::vector<std::int64_t> histogram;
  std::vector<FeatureUse> features;
};

struct FeatureContextOptions {
  std::vector<std::int64_t> features{};  // empty: those with the largest Σ f·‖W_dec row‖
  std::int64_t most = 50;                // of them
  std::int64_t contexts = 8;             // a feature
  std::int64_t first_position = 0;       // of each prompt, what lies before is left out
  std::int64_t batch_tokens = 1024;      // in one pass
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // prompts
};

// One pass over the prompts. The autoencoder lies on the model's device. Throws UsageError for one
// of another width or hook point, a feature that it does not have, or prompts without a token
// behind first_position.
FeatureContexts feature_contexts(const Sae& sae,
                                 const Model& model,
                                 const std::vector<Prompt>& prompts,
                                 const FeatureContextOptions& options);

}  // namespace headscope
