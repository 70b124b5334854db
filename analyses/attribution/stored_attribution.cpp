#include "analyses/attribution/stored_attribution.h"

#include "analyses/sweep/stored_task.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/model/gradients.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Of a trace of a whole task, item i is prompt i: prompts of the same tokens may have other
// answers, and so other gradients.
std::vector<std::size_t> prompts_of_items(const std::vector<std::int64_t>& items) {
  return {items.begin(), items.end()};
}

void check_identity(const StoredRun& trace,
                    const std::string& key,
                    const std::string& wanted,
                    const std::string& command) {
  const Json& identity = trace.identity();
  const std::string there = identity.value(key, std::string("absent"));
  if (there != wanted) {
    throw UsageError("{}: {} is {} there but {} here; record it: {}",
                     trace.path().string(),
                     key,
                     there,
                     wanted,
                     command);
  }
}

}  // namespace

StoredNeed attribution_need(const SweepSpec& spec, Run run) {
  const std::vector<Site> sites{spec.parts.front().site};
  return {.values = sites,
          .gradients = run == spec.into ? sites : std::vector<Site>{},
          .last_logits = true};
}

void check_stored_runs(const Model& model,
                       const Task& task,
                       const SweepSpec& spec,
                       const StoredRuns& stored,
                       const std::string& task_words) {
  if (!task.items.empty() && task.items.front().read_at >= 0) {
    throw UsageError(
        "traces hold the logits behind the last token, and this task is asked at a [MASK]; leave "
        "out the traces");
  }
  for (const Run run : {Run::clean, Run::corrupted}) {
    StoredNeed need = attribution_need(spec, run);
    need.prompts = fmt::format("{} --run {}", task_words, to_string(run));
    if (run == spec.into) {
      need.prompts += fmt::format(" --metric {}", spec.metric->name);
    }
    const StoredRun& trace = stored.of(run);
    check_stored_task(trace, model, task.items, run, need);
    const std::string command = record_command(model, need);
    check_identity(trace, "task_hash", task.hash, command);
    check_identity(trace, "run", to_string(run), command);
    if (run == spec.into) {
      check_identity(trace, "gradients_of", std::string(spec.metric->name), command);
    }
  }
}

Baselines stored_baselines(const Task& task, const Scoring& scoring, const StoredRuns& stored) {
  Baselines baselines(task.items.size());
  for (const PromptBatch& batch : prompt_batches(task.items, kBaselineTokens)) {
    const std::vector<std::size_t> prompts = prompts_of_items(batch.items);
    const auto logits = [&](Run run) {
      const Tensor all = stored.of(run).at("logits/last", prompts, batch.layout());
      return scoring.vocab().empty()
                 ? all
                 : all.index_select(1, index_tensor(scoring.vocab(), all.device()));
    };
    baselines.add(batch.items, {logits(Run::clean), logits(Run::corrupted)}, scoring);
  }
  return baselines;
}

StoredTerms stored_terms(const SweepSpec& spec,
                         const StoredRuns& stored,
                         const PromptBatch& batch,
                         std::int64_t layer) {
  const HookPoint point{spec.parts.front().site, static_cast<int>(layer)};
  const std::string name = hook_name(point.site, point.layer);
  const std::vector<std::size_t> prompts = prompts_of_items(batch.items);
  const StoredRun& own = stored.of(spec.into);
  const StoredRun& source = stored.of(other_run(spec.into));
  return {source.at(name, prompts, batch.layout()) - own.at(name, prompts, batch.layout()),
          own.at(gradient_name(point), prompts, batch.layout())};
}

}  // namespace headscope
