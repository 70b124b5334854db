// Attribution patching from traces: values, gradients and logits that were recorded, no pass run.
#pragma once

#include "analyses/sweep/baselines.h"
#include "analyses/sweep/sweep.h"
#include "hooks/stored_run.h"

namespace headscope {

// Traces of both runs of one task (`headscope record --task … --run clean`, and corrupted). Of the
// one that is changed with the metric's gradients.
struct StoredRuns {
  const StoredRun& clean;
  const StoredRun& corrupted;

  [[nodiscard]] const StoredRun& of(Run run) const { return run == Run::clean ? clean : corrupted; }
};

// What run_attribution() reads of a run's trace.
StoredNeed attribution_need(const SweepSpec& spec, Run run);

// Throws UsageError, naming the `headscope record` that helps, if a trace is not of this model,
// task and run, lacks attribution_need(), or has gradients of another metric. `task_words` is how
// record is told the task's file: "--task ioi.jsonl".
void check_stored_runs(const Model& model,
                       const Task& task,
                       const SweepSpec& spec,
                       const StoredRuns& stored,
                       const std::string& task_words);

// The metric of both runs, from the logits that were stored.
Baselines stored_baselines(const Task& task, const Scoring& scoring, const StoredRuns& stored);

// Σ over the site's last axes is left to linear_terms(): both [B, …] f32 of one layer.
struct StoredTerms {
  Tensor difference;  // source − own
  Tensor gradient;    // at the run that is changed
};
StoredTerms stored_terms(const SweepSpec& spec,
                         const StoredRuns& stored,
                         const PromptBatch& batch,
                         std::int64_t layer);

}  // namespace headscope
