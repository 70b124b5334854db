// Estimates against what they estimate: where the two runs are close, a patch is as good as linear.
#include "analyses/attribution/attribution.h"

#include <algorithm>
#include <cmath>

#include <ATen/Context.h>
#include <ATen/ops/randn_like.h>

#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/model/gradients.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr std::int64_t kAttributionMemory = 1 << 30;

// Every token of the upper half of the vocabulary means nearly what its twin of the lower half
// does. Drawn from one seed: a draw under which two close runs choose other experts jumps where no
// slope can tell of it.
Model with_twins(const Model& model) {
  at::manual_seed(7);
  return altered(model, [](const ModelConfig& config, Weights& weights) {
    const std::int64_t half = config.d_vocab / 2;
    const Tensor lower = weights.W_E.narrow(0, 0, half);
    const Tensor twins = lower + 1e-3 * at::randn_like(lower) * lower.abs().mean();
    weights.W_E = at::cat({lower, twins, weights.W_E.narrow(0, 2 * half, config.d_vocab % 2)});
  });
}

Task twin_task(const Model& model, RandomTask of = {}) {
  const std::int64_t half = model.config().d_vocab / 2;
  of.d_vocab = half;
  Task task = random_task(of);
  for (TaskItem& item : task.items) {
    item.corrupted.tokens = item.clean.tokens;
    for (std::size_t t = item.clean.tokens.size() - 3; t < item.clean.tokens.size(); ++t) {
      item.corrupted.tokens[t] += static_cast<TokenId>(half);
    }
  }
  return task;
}

SweepTable table_for(const Model& model, const Task& task, const SweepSpec& spec) {
  return {grid_of(model, task, spec).size(), static_cast<std::int64_t>(task.items.size())};
}

SweepTable estimated(const Model& model,
                     const Task& task,
                     const SweepSpec& spec,
                     AttributionOptions options,
                     std::int64_t memory = kAttributionMemory) {
  SweepTable table = table_for(model, task, spec);
  CHECK(run_attribution(model, task, spec, options, {.memory = memory}, table));
  return table;
}

// Heads whose queries or keys are normalised together are not swept by shortcuts.
bool shares_norm(const Model& model, const SweepSpec& spec) {
  const SweptPart& part = spec.parts.front();
  return model.config().qk_norm == QkNorm::whole && part.heads &&
         (part.site == Site::q || part.site == Site::k);
}

SweepTable exact(const Model& model, const Task& task, const SweepSpec& spec) {
  SweepTable table = table_for(model, task, spec);
  SweepOptions options{.memory = kAttributionMemory};
  if (shares_norm(model, spec)) {
    options.execution = SweepOptions::Execution::plain;
  }
  CHECK(run_sweep(model, task, spec, options, table));
  return table;
}

// The largest gap of two tables, and the largest effect in the second.
struct Gap {
  double gap = 0.0;
  double effect = 0.0;
};

Gap gap_of(const SweepTable& guess, const SweepTable& truth, Run into) {
  const auto& unchanged = truth.baseline(into);
  Gap result;
  for (std::size_t i = 0; i < truth.values().size(); ++i) {
    const double gap = std::abs(guess.values()[i] - truth.values()[i]);
    result.gap = std::max(result.gap, std::isnan(gap) ? 1e9 : gap);
    result.effect =
        std::max(result.effect, std::abs(truth.values()[i] - unchanged[i % unchanged.size()]));
  }
  return result;
}

SweepSpec patch_of(Site site, bool heads, const ValueSource& source) {
  return {.parts = {{site, heads}}, .source = &source, .metric = &find_metric("logit_diff")};
}

struct AttributionCase {
  Site site;
  bool heads;
  AttributionMethod method;
};

constexpr AttributionCase kCases[] = {{Site::z, true, AttributionMethod::atp},
                                      {Site::z, false, AttributionMethod::ig},
                                      {Site::q, true, AttributionMethod::atp},
                                      {Site::q, true, AttributionMethod::atp_qk_fix},
                                      {Site::k, true, AttributionMethod::atp},
                                      {Site::k, true, AttributionMethod::atp_qk_fix},
                                      {Site::k, false, AttributionMethod::atp_qk_fix},
                                      {Site::v, true, AttributionMethod::atp},
                                      {Site::pattern, true, AttributionMethod::atp},
                                      {Site::attn_out, false, AttributionMethod::atp},
                                      {Site::mlp_out, false, AttributionMethod::ig},
                                      {Site::resid_pre, false, AttributionMethod::atp}};

}  // namespace

TEST_CASE("every method estimates patches between close runs, at every site, in every family") {
  const OtherRun source(Run::clean);
  for (const FixtureModel& fixture : huggingface_fixtures()) {
    const Model model = with_twins(load(fixture));
    const Task task = twin_task(model, {.lengths = {9, 9, 8}, .differ_from = {5, 5, 5}});
    for (const AttributionCase& each : kCases) {
      CAPTURE(fixture.name, short_name(each.site), each.heads, static_cast<int>(each.method));
      const SweepSpec spec = patch_of(each.site, each.heads, source);
      if (shares_norm(model, spec) && each.method == AttributionMethod::atp_qk_fix) {
        SweepTable unused = table_for(model, task, spec);
        const SweepOptions options{.memory = kAttributionMemory};
        CHECK_THROWS_AS(run_attribution(model, task, spec, {each.method}, options, unused),
                        UsageError);
        continue;
      }
      const SweepTable truth = exact(model, task, spec);
      const Gap found = gap_of(estimated(model, task, spec, {each.method}), truth, Run::corrupted);
      CHECK(found.effect > 0);
      CHECK(found.gap < 0.05 * found.effect + 2e-6);
    }
  }
}

TEST_CASE("positions are estimated one by one, and into either run") {
  const OtherRun source(Run::corrupted);
  const Model model = with_twins(load(huggingface_fixture("llama3_gqa_tied")));
  const Task task = twin_task(model);
  for (const AttributionCase& each : kCases) {
    CAPTURE(short_name(each.site), static_cast<int>(each.method));
    SweepSpec spec = patch_of(each.site, each.heads, source);
    spec.over_positions = true;
    spec.into = Run::clean;
    const SweepTable truth = exact(model, task, spec);
    const SweepTable guess = estimated(model, task, spec, {each.method});
    const Gap found = gap_of(guess, truth, Run::clean);
    CHECK(found.gap < 0.05 * found.effect + 2e-6);
    for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
      const std::int64_t cell = grid_of(model, task, spec).index({layer, each.heads ? 0 : -1, 2});
      CHECK(guess.value(cell, 0) == guess.clean()[0]);  // both runs are the same there
    }
  }
}

TEST_CASE("the softmax of atp-qk-fix is the one a run with the other queries has") {
  const OtherRun source(Run::clean);
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const Task task =
      random_task({.lengths = {9}, .differ_from = {4}, .d_vocab = model.config().d_vocab});
  const SweepSpec spec = patch_of(Site::q, true, source);
  const SweepTable guess = estimated(model, task, spec, {AttributionMethod::atp_qk_fix});
  const Batch clean = batch_of({task.items[0].clean.tokens});
  const Batch corrupted = batch_of({task.items[0].corrupted.tokens});

  class Pattern final : public GradientTap {
   public:
    [[nodiscard]] bool wants(HookPoint point) const override {
      return point == HookPoint{Site::pattern, 1};
    }
    void visit(const Visit&, const Tensor& seen, const Tensor& found) override {
      value = seen;
      gradient = found;
    }
    Tensor value, gradient;
  } pattern;
  gradients(
      model,
      corrupted,
      [&](const Tensor& logits) {
        return (logits.select(1, task.items[0].answers[0]) +
                logits.select(1, task.items[0].answers[1])) /
                   2 -
               logits.select(1, task.items[0].wrong[0]);
      },
      pattern);
  Recorder other{"blocks.1.attn.hook_q"};
  model.forward(clean, other);
  Edits edits;
  edits.at("blocks.1.attn.hook_q").replace(other.at("blocks.1.attn.hook_q"));
  Recorder changed{"blocks.1.attn.hook_pattern"};
  TapList both = edits | changed;
  model.forward(corrupted, both);
  const Tensor effect =
      ((changed.at("blocks.1.attn.hook_pattern") - pattern.value) * pattern.gradient)
          .sum({0, 2, 3});
  for (std::int64_t head = 0; head < model.config().n_heads; ++head) {
    const std::int64_t cell = grid_of(model, task, spec).index({1, head, -1});
    CHECK(guess.value(cell, 0) - guess.corrupted()[0] ==
          Approx(effect[head].item<double>()).margin(1e-6));
  }
}

TEST_CASE("integrated gradients of the first stream add up to the whole effect") {
  const OtherRun source(Run::clean);
  const Model model = load(huggingface_fixture("gpt2"));
  const Task task = random_task({.d_vocab = model.config().d_vocab});
  const SweepSpec spec = patch_of(Site::resid_pre, false, source);
  const SweepTable guess = estimated(model, task, spec, {AttributionMethod::ig, 200});
  for (std::int64_t item = 0; item < 3; ++item) {
    const double whole = guess.clean()[static_cast<std::size_t>(item)];
    const double from = guess.corrupted()[static_cast<std::size_t>(item)];
    CHECK(guess.value(0, item) == Approx(whole).margin(0.02 * std::abs(whole - from)));
  }
}

TEST_CASE("estimates do not depend on how many prompts memory holds") {
  const OtherRun source(Run::clean);
  const Model model = load(huggingface_fixture("gemma2"));
  const Task task = random_task({.d_vocab = model.config().d_vocab});
  const SweepSpec spec = patch_of(Site::z, true, source);
  const SweepTable whole = estimated(model, task, spec, {});
  SweepTable table = table_for(model, task, spec);
  std::int64_t memory = 1 << 12;
  for (bool fits = false; !fits; memory *= 2) {  // the least that holds one prompt
    try {
      run_attribution(model, task, spec, {}, {.memory = memory}, table);
      fits = true;
    } catch (const ResourceError&) {
    }
  }
  CHECK(gap_of(table, whole, Run::corrupted).gap < 1e-5);
}

TEST_CASE("what has no gradient is refused") {
  const OtherRun from_clean(Run::clean);
  const OtherRun from_corrupted(Run::corrupted);
  const Model model = load(huggingface_fixture("gpt2"));
  const Task task = random_task({.d_vocab = model.config().d_vocab});
  SweepSpec spec = patch_of(Site::z, true, from_clean);
  SweepTable table = table_for(model, task, spec);
  const auto refused = [&](const AttributionOptions& options) {
    CHECK_THROWS_AS(
        run_attribution(model, task, spec, options, {.memory = kAttributionMemory}, table),
        UsageError);
  };
  refused({AttributionMethod::atp_qk_fix});
  spec.metric = &find_metric("rank");
  refused({});
  spec.metric = &find_metric("kl");
  spec.into = Run::clean;
  spec.source = &from_corrupted;
  refused({});
}
