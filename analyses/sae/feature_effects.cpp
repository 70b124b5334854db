#include "analyses/sae/feature_effects.h"

#include <algorithm>
#include <cmath>

#include "analyses/sae/feature_changes.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::vector<FeatureEffect> effects_of_features(const SweepTable& table,
                                               const std::vector<std::int64_t>& features,
                                               const FeatureChanges& changes,
                                               std::uint64_t seed) {
  std::vector<FeatureEffect> all;
  for (std::int64_t cell = 0; cell < std::ssize(features); ++cell) {
    std::vector<double> effects;
    for (std::int64_t item = 0; item < std::ssize(table.clean()); ++item) {
      effects.push_back(table.value(cell, item) - table.clean()[static_cast<std::size_t>(item)]);
    }
    const std::int64_t feature = features[static_cast<std::size_t>(cell)];
    const auto at = static_cast<std::size_t>(feature);
    all.push_back({.feature = feature,
                   .fired = changes.fired[at],
                   .mean_code = changes.mean_code[at],
                   .effect = summarize(effects, {.seed = seed})});
  }
  std::stable_sort(all.begin(), all.end(), [](const FeatureEffect& a, const FeatureEffect& b) {
    return std::abs(a.effect.mean) > std::abs(b.effect.mean);
  });
  return all;
}

}  // namespace

FeatureEffects feature_effects(const Sae& sae,
                               const Model& model,
                               const Task& task,
                               const Metric& metric,
                               const FeatureEffectOptions& options) {
  check_features(options.features, sae);
  const FeaturePoint point = feature_point(sae, model.config());
  const FeatureChanges changes =
      feature_changes(sae, model, task, {.act = options.act, .into = Run::clean});
  const std::vector<std::int64_t> features =
      options.features.empty() ? most_changed(changes, options.most) : options.features;
  const FeatureSource source(sae,
                             {.act = options.act, .from = Run::corrupted, .features = features});
  SweepTable table(std::ssize(features), std::ssize(task.items));
  const bool finished = run_sweep(model,
                                  task,
                                  {.parts = {{point.site, false}},
                                   .layer = point.layer,
                                   .into = Run::clean,
                                   .source = &source,
                                   .metric = &metric},
                                  {.memory = options.memory,
                                   .execution = point.has_shortcut ? SweepOptions::Execution::shared
                                                                   : SweepOptions::Execution::plain,
                                   .progress = options.progress,
                                   .stop = options.stop},
                                  table);
  if (!finished) {
    throw Interrupted();
  }
  return {effects_of_features(table, features, changes, options.seed),
          mean_of(table.clean()),
          mean_of(table.corrupted())};
}

}  // namespace headscope
