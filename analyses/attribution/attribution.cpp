#include "analyses/attribution/attribution.h"

#include <algorithm>

#include "analyses/attribution/attribution_memory.h"
#include "analyses/attribution/batch_attribution.h"
#include "analyses/sweep/checked_sink.h"
#include "lib/base/error.h"
#include "lib/model/qkv.h"

namespace headscope {
namespace {

void check(const SweepSpec& spec, const AttributionOptions& options, const ModelConfig& config) {
  const Metric& metric = *spec.metric;
  if (spec.parts.size() != 1 || spec.runner != nullptr) {
    throw UsageError("attribution estimates patches of one site");
  }
  if (!metric.has_gradient) {
    throw UsageError("--metric {} counts, so it has no gradient; take logit_diff or another one",
                     metric.name);
  }
  if (metric.needs_clean && spec.into == Run::clean && options.method != AttributionMethod::ig) {
    throw UsageError(
        "--metric {} is smallest at the clean run, so its gradient there is zero; take --from "
        "clean, --method ig or another metric",
        metric.name);
  }
  if (options.stored != nullptr && options.method != AttributionMethod::atp) {
    throw UsageError("traces hold what --method atp reads; the other methods run the model");
  }
  if (options.stored != nullptr && metric.needs_clean) {
    throw UsageError("--metric {}: compares runs, so no trace has its gradient; take logit_diff",
                     metric.name);
  }
  const Site site = spec.parts.front().site;
  if (options.method == AttributionMethod::atp_qk_fix && site != Site::q && site != Site::k) {
    throw UsageError("--method atp-qk-fix is for --site q and k; elsewhere it is --method atp");
  }
  if (options.method == AttributionMethod::atp_qk_fix && spec.parts.front().heads) {
    require_heads_apart(config, site == Site::q ? HeadInput::q : HeadInput::k);
  }
}

bool all_done(const PromptBatch& batch, const Grid& grid, const SweepSink& sink) {
  return std::all_of(batch.items.begin(), batch.items.end(), [&](std::int64_t item) {
    for (std::int64_t cell = 0; cell < grid.size(); ++cell) {
      if (!sink.done(cell, item)) {
        return false;
      }
    }
    return true;
  });
}

// Those of its values that are not there yet.
void put_batch(const AttributionContext& context, const PromptBatch& batch, SweepSink& sink) {
  if (all_done(batch, context.grid, sink)) {
    return;
  }
  std::vector<ResultStore::Value> values = BatchAttribution(context, batch).run();
  std::erase_if(values, [&](const auto& v) { return sink.done(v.cell, v.prompt); });
  sink.put(values);
}

}  // namespace

SweepPlan check_attribution(const Model& model,
                            const Task& task,
                            const SweepSpec& spec,
                            const AttributionOptions& attribution,
                            const SweepOptions& options) {
  check(spec, attribution, model.config());
  grid_of(model, task, spec);
  const Scoring scoring(*spec.metric, task.items, model);
  const SweepPlan plan = plan_attribution(model, task, spec, attribution, options);
  for (const PromptBatch& batch : prompt_batches(task.items, plan.batch_tokens)) {
    swept_columns(spec, model.config(), batch, task.items);  // the positions each prompt has
  }
  return plan;
}

bool run_attribution(const Model& model,
                     const Task& task,
                     const SweepSpec& spec,
                     const AttributionOptions& attribution,
                     const SweepOptions& options,
                     SweepSink& sink) {
  check(spec, attribution, model.config());
  const Grid grid = grid_of(model, task, spec);
  const Scoring scoring(*spec.metric, task.items, model);
  CheckedSink checked(sink, grid, task, options, model);
  checked.count_done(0, grid.size());
  const SweepPlan plan = plan_attribution(model, task, spec, attribution, options);
  const Baselines baselines = options.baselines != nullptr ? *options.baselines
                              : attribution.stored != nullptr
                                  ? stored_baselines(task, scoring, *attribution.stored)
                                  : baselines_of(model, task.items, scoring, plan.baseline_tokens);
  checked.put_baseline(Run::clean, baselines.clean);
  checked.put_baseline(Run::corrupted, baselines.corrupted);
  const AttributionContext context{model, task, spec, attribution, grid, scoring, baselines};
  const std::vector<PromptBatch> batches = prompt_batches(task.items, plan.batch_tokens);
  AllBlocks all;
  BlockSource& chosen = options.blocks != nullptr ? *options.blocks : all;
  chosen.begin(std::ssize(batches));
  while (const std::optional<BlockRange> blocks = chosen.next()) {
    for (std::int64_t block = blocks->first; block < blocks->end; ++block) {
      if (options.stop && options.stop()) {
        return false;
      }
      put_batch(context, batches[static_cast<std::size_t>(block)], checked);
    }
  }
  return options.blocks == nullptr || !options.stop || !options.stop();
}

}  // namespace headscope
