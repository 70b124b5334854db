// Attribution patching from traces against the same with both runs made.
#include "analyses/attribution/stored_attribution.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analyses/attribution/attribution.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/recorded.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const Metric& logit_diff_metric() {
  return find_metric("logit_diff");
}

Task task_with_twins(const Model& model) {
  Task task = random_task(
      {.lengths = {9, 10, 11, 11}, .differ_from = {4, 6, 3, 9}, .d_vocab = model.config().d_vocab});
  task.items[3].clean.tokens = task.items[2].clean.tokens;  // the same prompts, other answers
  task.items[3].corrupted.tokens = task.items[2].corrupted.tokens;
  task.hash = hash_of(task.items);
  return task;
}

SweepTable attributed_table(const Model& model,
                            const Task& task,
                            const SweepSpec& spec,
                            const StoredRuns* stored) {
  SweepTable table(grid_of(model, task, spec).size(), static_cast<std::int64_t>(task.items.size()));
  CHECK(run_attribution(model, task, spec, {.stored = stored}, {.memory = 1 << 30}, table));
  return table;
}

const std::vector<Site> kStoredSites{
    Site::z, Site::v, Site::pattern, Site::resid_pre, Site::mlp_out};

// The largest gap of any cell and prompt, as a part of the largest value.
double tables_apart(const SweepTable& live, const SweepTable& read) {
  double most = 0.0;
  double largest = 0.0;
  for (std::size_t i = 0; i < live.values().size(); ++i) {
    const double gap = std::abs(live.values()[i] - read.values()[i]);
    most = std::max(most, std::isnan(gap) ? 1e9 : gap);
    largest = std::max(largest, std::abs(live.values()[i]));
  }
  return most / largest;
}

double largest_change(const SweepTable& table, const std::vector<double>& unchanged) {
  double most = 0.0;
  for (std::size_t i = 0; i < table.values().size(); ++i) {
    most = std::max(most, std::abs(table.values()[i] - unchanged[i % unchanged.size()]));
  }
  return most;
}

// Both runs of a task, the one that is changed with gradients.
struct RecordedRuns {
  RecordedRuns(const TempFolder& folder,
               const Model& model,
               const Task& task,
               Run into,
               DType store = DType::f32)
      : clean(record_task_run(
            folder.file("clean.h5"), model, task, recording(Run::clean, into, store))),
        corrupted(record_task_run(
            folder.file("corrupted.h5"), model, task, recording(Run::corrupted, into, store))) {}

  static Recording recording(Run run, Run into, DType store) {
    Recording recording{.hooks = {}, .run = run, .store = store};
    recording.gradients_of = run == into ? &logit_diff_metric() : nullptr;
    for (const Site site : kStoredSites) {
      const std::string name = fmt::format("blocks.*.{}", info(site).name);
      recording.hooks.push_back(name);
      if (run == into) {
        recording.hooks.push_back(name + "_grad");
      }
    }
    return recording;
  }

  StoredRun clean, corrupted;
  StoredRuns both{clean, corrupted};
};

}  // namespace

TEST_CASE("attribution from traces equals attribution from runs, in every family") {
  for (const auto& [name, into] : {std::pair("llama", Run::corrupted),
                                   std::pair("gpt2", Run::clean),
                                   std::pair("gemma2", Run::corrupted)}) {
    const TempFolder folder;
    const Model model = load(huggingface_fixture(name));
    const Task task = task_with_twins(model);
    const RecordedRuns runs(folder, model, task, into);
    const OtherRun source(into == Run::clean ? Run::corrupted : Run::clean);
    for (const Site site : kStoredSites) {
      CAPTURE(name, short_name(site));
      const SweepSpec spec{.parts = {{site, head_axis_of(site) != Axis::one}},
                           .into = into,
                           .source = &source,
                           .metric = &logit_diff_metric()};
      CHECK_NOTHROW(check_stored_runs(model, task, spec, runs.both, "--task t.jsonl"));
      const SweepTable live = attributed_table(model, task, spec, nullptr);
      const SweepTable read = attributed_table(model, task, spec, &runs.both);
      CHECK(tables_apart(live, read) < 5e-6);
      CHECK(largest_change(live, into == Run::clean ? live.clean() : live.corrupted()) > 1e-3);
    }
  }
}

TEST_CASE(
    "traces of another task, metric, run or without gradients are refused by what to record") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const Task task = task_with_twins(model);
  const RecordedRuns runs(folder, model, task, Run::corrupted);
  const OtherRun source(Run::clean);
  SweepSpec spec{.source = &source, .metric = &logit_diff_metric()};
  const auto check = [&](const Task& of, const StoredRuns& stored) {
    check_stored_runs(model, of, spec, stored, "--task t.jsonl");
  };
  CHECK_NOTHROW(check(task, runs.both));
  CHECK_THROWS_WITH(check(task, {runs.corrupted, runs.clean}), contains("is not in it; record it"));
  Task other = task;
  other.items[1].answers = {3};
  other.hash = hash_of(other.items);
  CHECK_THROWS_WITH(check(other, runs.both), contains("task_hash is xxh3:"));
  spec.metric = &find_metric("prob");
  CHECK_THROWS_WITH(check(task, runs.both),
                    contains("gradients_of is logit_diff there but prob here; record it: headscope "
                             "record") &&
                        contains("--run corrupted --metric prob --hooks 'blocks.*.attn.hook_z' "
                                 "--hooks 'blocks.*.attn.hook_z_grad' --logits last"));
  spec.metric = &logit_diff_metric();
  spec.into = Run::clean;  // whose trace has no gradients
  CHECK_THROWS_WITH(check(task, runs.both), contains("blocks.0.attn.hook_z_grad was not recorded"));
}

TEST_CASE("what no trace can give is refused before anything is read") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const Task task = task_with_twins(model);
  const RecordedRuns runs(folder, model, task, Run::corrupted);
  const OtherRun source(Run::clean);
  const SweepSpec spec{.source = &source, .metric = &logit_diff_metric()};
  const SweepSpec kl{.source = &source, .metric = &find_metric("kl")};
  const SweepOptions roomy{.memory = 1 << 30};
  CHECK_THROWS_AS(
      check_attribution(
          model, task, spec, {.method = AttributionMethod::ig, .stored = &runs.both}, roomy),
      UsageError);
  CHECK_THROWS_WITH(check_attribution(model, task, kl, {.stored = &runs.both}, roomy),
                    contains("no trace has its gradient"));
}
