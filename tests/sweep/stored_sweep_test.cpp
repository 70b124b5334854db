// Patching and ablation from traces against the same with every run made.
#include <algorithm>
#include <cmath>
#include <fstream>

#include "analyses/ablation/ablation.h"
#include "analyses/sweep/stored_source.h"
#include "analyses/sweep/stored_task.h"
#include "analyses/sweep/sweep.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/recorded.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Execution = SweepOptions::Execution;

SweepTable swept_table(const Model& model,
                       const Task& task,
                       const SweepSpec& spec,
                       Execution execution = Execution::shared) {
  SweepTable table(grid_of(model, task, spec).size(), static_cast<std::int64_t>(task.items.size()));
  CHECK(run_sweep(model, task, spec, {.memory = 1 << 30, .execution = execution}, table));
  return table;
}

// The largest difference of any cell and prompt.
double apart(const SweepTable& a, const SweepTable& b) {
  double most = a.values().size() == b.values().size() ? 0.0 : 1e9;
  for (std::size_t i = 0; i < std::min(a.values().size(), b.values().size()); ++i) {
    const double gap = std::abs(a.values()[i] - b.values()[i]);
    most = std::max(most, std::isnan(gap) ? 1e9 : gap);
  }
  return most;
}

double largest_effect(const SweepTable& table, const std::vector<double>& unchanged) {
  double most = 0.0;
  for (std::size_t i = 0; i < table.values().size(); ++i) {
    most = std::max(most, std::abs(table.values()[i] - unchanged[i % unchanged.size()]));
  }
  return most;
}

Task padded_task(const Model& model) {
  return random_task(
      {.lengths = {9, 10, 11, 12}, .differ_from = {4, 6, 3, 9}, .d_vocab = model.config().d_vocab});
}

// Two templates, one of two lengths; no item is alone.
Task grouped_task(const Model& model) {
  return random_task({.lengths = {9, 9, 9, 9, 11, 11, 11, 11},
                      .differ_from = {5, 6, 7, 2, 4, 5, 3, 8},
                      .d_vocab = model.config().d_vocab});
}

SweepSpec patch_of(Site site, bool heads, const ValueSource& source, Run into) {
  return {.parts = {{site, heads}},
          .into = into,
          .source = &source,
          .metric = &find_metric("logit_diff")};
}

}  // namespace

TEST_CASE("patching from a trace equals patching from the run, in every site and family") {
  const TempFolder folder;
  for (const std::string name : {"llama", "gpt_neox", "gemma2", "gpt2"}) {
    const Model model = load(huggingface_fixture(name));
    const Task task = padded_task(model);
    const StoredRun stored(
        record_task_run(folder.file(name), model, task, {.hooks = {"blocks.*"}}));
    const StoredSource from_trace(model, stored, Run::clean);
    const OtherRun from_run(Run::clean);
    for (const Site site : sweep_sites()) {
      if (!info(site).exists(model.config())) {
        continue;
      }
      CAPTURE(name, short_name(site));
      const bool heads = head_axis_of(site) != Axis::one;
      const SweepTable live =
          swept_table(model, task, patch_of(site, heads, from_run, Run::corrupted));
      const SweepTable read =
          swept_table(model, task, patch_of(site, heads, from_trace, Run::corrupted));
      CHECK(apart(live, read) < 1e-5);
      CHECK(largest_effect(live, live.corrupted()) > 1e-3);
    }
    const SweepSpec plain = patch_of(Site::k, true, from_trace, Run::corrupted);
    CHECK(apart(swept_table(model, task, plain, Execution::plain),
                swept_table(model, task, plain)) < 1e-4);
  }
}

TEST_CASE(
    "patching from a trace knows what else attention may be: biases, sinks, full visibility") {
  const TempFolder folder;
  const Model plain = load(huggingface_fixture("llama"));
  for (const AttentionFeature feature :
       {AttentionFeature::sinks, AttentionFeature::full, AttentionFeature::all}) {
    const Model model = with_feature(plain, feature);
    const Task task = padded_task(model);
    const StoredRun stored(
        record_task_run(folder.file("t.h5"), model, task, {.hooks = {"blocks.*"}}));
    const StoredSource from_trace(model, stored, Run::clean);
    const OtherRun from_run(Run::clean);
    for (const Site site : {Site::z, Site::k, Site::pattern}) {
      CAPTURE(to_string(feature), short_name(site));
      const SweepTable live =
          swept_table(model, task, patch_of(site, true, from_run, Run::corrupted));
      CHECK(
          apart(live, swept_table(model, task, patch_of(site, true, from_trace, Run::corrupted))) <
          1e-5);
      CHECK(largest_effect(live, live.corrupted()) > 1e-3);
    }
  }
}

TEST_CASE("a changed model is patched from a trace of the changed model") {
  const TempFolder folder;
  std::ofstream(folder.file("e.json")) << R"({"version": 1, "interventions": [
             {"site": "blocks.*.attn.hook_v", "op": "scale", "factor": -1.5},
             {"site": "blocks.1.attn.hook_attn_scores", "op": "bias", "bias": 2, "pairs": [[-1, 1]]},
             {"site": "blocks.1.attn.hook_pattern", "op": "uniform", "positions": [-1]}]})";
  for (const std::string name : {"llama", "gemma2"}) {
    const Model own = load(huggingface_fixture(name));
    const Model model = intervened(own, folder.file("e.json"));
    const Task task = padded_task(model);
    const StoredRun stored(
        record_task_run(folder.file("t.h5"), model, task, {.hooks = {"blocks.*"}}));
    CHECK_NOTHROW(check_stored_task(stored, model, task.items, Run::clean, {.values = {Site::z}}));
    CHECK_THROWS_AS(check_stored_task(stored, own, task.items, Run::clean, {.values = {Site::z}}),
                    UsageError);
    const StoredSource from_trace(model, stored, Run::clean);
    const OtherRun from_run(Run::clean);
    for (const Site site : {Site::z, Site::q, Site::attn_out}) {
      CAPTURE(name, short_name(site));
      const bool heads = head_axis_of(site) != Axis::one;
      const SweepTable live =
          swept_table(model, task, patch_of(site, heads, from_run, Run::corrupted));
      CHECK(
          apart(live, swept_table(model, task, patch_of(site, heads, from_trace, Run::corrupted))) <
          1e-5);
      CHECK(apart(live, swept_table(own, task, patch_of(site, heads, from_run, Run::corrupted))) >
            1e-3);
    }
  }
}

TEST_CASE("position by position, and the other way, a trace serves as well") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("gemma2"));
  const Task task = random_task({.d_vocab = model.config().d_vocab});
  const StoredRun stored(
      record_task_run(folder.file("t.h5"),
                      model,
                      task,
                      {.hooks = {"blocks.*.attn.hook_z"}, .run = Run::corrupted}));
  const StoredSource from_trace(model, stored, Run::corrupted);
  const OtherRun from_run(Run::corrupted);
  SweepSpec live = patch_of(Site::z, true, from_run, Run::clean);
  live.over_positions = true;
  SweepSpec read = live;
  read.source = &from_trace;
  CHECK(apart(swept_table(model, task, live), swept_table(model, task, read)) < 1e-5);
}

TEST_CASE("a cell that changes nothing has no effect at all, however coarse the trace") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  Task task = padded_task(model);
  const StoredRun stored(record_task_run(
      folder.file("t.h5"), model, task, {.hooks = {"blocks.*"}, .store = DType::bf16}));
  const StoredSource from_trace(model, stored, Run::clean);
  SweepSpec spec = patch_of(Site::resid_pre, false, from_trace, Run::corrupted);
  spec.positions = {"3"};  // every pair but one is the same there
  const SweepTable table = swept_table(model, task, spec);
  for (const std::int64_t item : {0, 1, 3}) {
    CHECK(table.value(0, item) == table.corrupted()[static_cast<std::size_t>(item)]);
  }
  CHECK(table.value(0, 2) != table.corrupted()[2]);
}

TEST_CASE("means and resamples of a trace equal those of the runs") {
  const TempFolder folder;
  for (const std::string name : {"llama", "gpt2", "gemma2"}) {
    const Model model = load(huggingface_fixture(name));
    const Task task = grouped_task(model);
    for (const Run over : {Run::clean, Run::corrupted}) {
      const StoredRun stored(record_task_run(
          folder.file(name),
          model,
          task,
          {.hooks = {"blocks.*.attn.hook_z", "blocks.*.hook_mlp_out"}, .run = over}));
      const RunSource trace(model, &stored);
      for (const auto& [site, heads] : {std::pair(Site::z, true), {Site::mlp_out, false}}) {
        CAPTURE(name, short_name(site), static_cast<int>(over));
        const GroupMean mean(model, task.items, over, {site});
        const GroupMean stored_mean(trace, task.items, over, {site});
        const SweepTable live = swept_table(model, task, patch_of(site, heads, mean, Run::clean));
        CHECK(
            apart(live, swept_table(model, task, patch_of(site, heads, stored_mean, Run::clean))) <
            1e-5);
        CHECK(largest_effect(live, live.clean()) > 1e-3);
        const Resample other(model, task.items, over, {site}, 4);
        const Resample stored_other(trace, task.items, over, {site}, 4);
        CHECK(apart(swept_table(model, task, patch_of(site, heads, other, Run::clean)),
                    swept_table(model, task, patch_of(site, heads, stored_other, Run::clean))) <
              1e-5);
      }
    }
  }
}

TEST_CASE("half-precision traces give the live effects to their own rounding") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const Task task = padded_task(model);
  const OtherRun from_run(Run::clean);
  const SweepTable live =
      swept_table(model, task, patch_of(Site::z, true, from_run, Run::corrupted));
  const double scale = largest_effect(live, live.corrupted());
  for (const auto& [store, tolerance] : {std::pair(DType::f16, 1e-3), {DType::bf16, 8e-3}}) {
    const StoredRun stored(record_task_run(
        folder.file("t.h5"), model, task, {.hooks = {"blocks.*.attn.hook_z"}, .store = store}));
    const StoredSource from_trace(model, stored, Run::clean);
    const SweepTable read =
        swept_table(model, task, patch_of(Site::z, true, from_trace, Run::corrupted));
    CAPTURE(to_string(store), apart(live, read) / scale);
    CHECK(apart(live, read) < tolerance * scale);
    CHECK(apart(live, read) > 0.0);
  }
}

TEST_CASE("a trace without an item of the task is refused") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const Task task = padded_task(model);
  const StoredRun stored(
      record_task_run(folder.file("t.h5"),
                      model,
                      task,
                      {.hooks = {"blocks.*.attn.hook_z"}, .run = Run::corrupted}));
  const StoredNeed need{.values = {Site::z}, .prompts = "--task t.jsonl --run clean"};
  CHECK_NOTHROW(check_stored_task(stored, model, task.items, Run::corrupted, need));
  CHECK_THROWS_WITH(
      check_stored_task(stored, model, task.items, Run::clean, need),
      contains("prompt 0 of 4 (9 tokens) is not in it; record it: headscope record") &&
          contains("--task t.jsonl --run clean --hooks 'blocks.*.attn.hook_z'"));
}
