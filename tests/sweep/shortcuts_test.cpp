// Every shortcut of the sweep engine against the plain loop: an edit, a whole forward pass.
#include <algorithm>
#include <cmath>

#include "analyses/sweep/sweep.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr std::int64_t kShortcutsMemory = 1 << 30;

SweepTable swept(const Model& model,
                 const Task& task,
                 const SweepSpec& spec,
                 SweepOptions::Execution execution,
                 std::int64_t memory = kShortcutsMemory) {
  SweepTable table(grid_of(model, task, spec).size(), static_cast<std::int64_t>(task.items.size()));
  CHECK(run_sweep(model, task, spec, {.memory = memory, .execution = execution}, table));
  return table;
}

// The largest difference of any cell and prompt; the largest effect, to know that there is one.
struct Compared {
  double difference = 0.0;
  double effect = 0.0;
};

Compared compared(const Model& model, const Task& task, const SweepSpec& spec) {
  const SweepTable fast = swept(model, task, spec, SweepOptions::Execution::shared);
  const SweepTable plain = swept(model, task, spec, SweepOptions::Execution::plain);
  const auto& unchanged = plain.baseline(spec.into);
  Compared result;
  for (std::int64_t cell = 0; cell < grid_of(model, task, spec).size(); ++cell) {
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(task.items.size()); ++i) {
      const double gap = std::abs(fast.value(cell, i) - plain.value(cell, i));
      result.difference = std::max(result.difference, std::isnan(gap) ? 1e9 : gap);
      const double effect = plain.value(cell, i) - unchanged[static_cast<std::size_t>(i)];
      result.effect = std::max(result.effect, std::abs(effect));
    }
  }
  return result;
}

struct ShortcutsCase {
  Site site;
  bool over_heads;
};

}  // namespace

TEST_CASE("the engine equals the plain loop for every site, family and padding") {
  const ShortcutsCase cases[] = {{Site::z, true},
                                 {Site::z, false},
                                 {Site::q, true},
                                 {Site::k, true},
                                 {Site::v, true},
                                 {Site::pattern, true},
                                 {Site::attn_out, false},
                                 {Site::mlp_out, false},
                                 {Site::resid_pre, false},
                                 {Site::resid_mid, false}};
  const OtherRun source(Run::clean);
  for (const FixtureModel& fixture : all_fixtures()) {
    const Model model = load(fixture);
    const std::int64_t d_vocab = model.config().d_vocab;
    const Task padded =
        random_task({.lengths = {9, 10, 11, 12}, .differ_from = {4, 6, 3, 9}, .d_vocab = d_vocab});
    for (const auto& [site, over_heads] : cases) {
      if (!info(site).exists(model.config())) {
        continue;
      }
      CAPTURE(fixture.name, info(site).name, over_heads);
      const SweepSpec spec{
          .parts = {{site, over_heads}}, .source = &source, .metric = &find_metric("logit_diff")};
      if (model.config().qk_norm == QkNorm::whole && (site == Site::q || site == Site::k)) {
        SweepTable none(grid_of(model, padded, spec).size(), 4);  // its heads are not apart
        CHECK_THROWS_AS(run_sweep(model, padded, spec, {.memory = kShortcutsMemory}, none),
                        UsageError);
        continue;
      }
      const Compared result = compared(model, padded, spec);
      CHECK(result.difference < 1e-4);
      CHECK(result.effect > 1e-3);
    }
  }
}

TEST_CASE("what a layer's attention has beside a scale reaches every site's shortcut") {
  using F = AttentionFeature;
  const OtherRun source(Run::clean);
  const Zero zero;
  const std::pair<std::string, F> models[] = {{"llama3_gqa_tied", F::temperature},
                                              {"gemma2", F::all_causal},
                                              {"gpt2", F::all},
                                              {"hooked_plain", F::relu},
                                              {"hooked_attn_only", F::relu}};
  for (const auto& [name, feature] : models) {
    const Model model = with_feature(load(huggingface_fixture(name)), feature);
    const Task padded = random_task(
        {.lengths = {9, 11, 12}, .differ_from = {4, 3, 9}, .d_vocab = model.config().d_vocab});
    const Metric* metric = &find_metric("logit_diff");
    const SweepSpec specs[] = {
        {.source = &source, .metric = metric},
        {.parts = {{Site::q, true}}, .source = &source, .metric = metric},
        {.parts = {{Site::k, true}}, .positions = {"end"}, .source = &source, .metric = metric},
        {.parts = {{Site::v, true}}, .source = &source, .metric = metric},
        {.parts = {{Site::pattern, true}}, .source = &source, .metric = metric},
        {.parts = {{Site::attn_out, false}}, .source = &source, .metric = metric},
        {.parts = {{Site::mlp_out, false}}, .source = &source, .metric = metric},
        {.parts = {{Site::resid_pre, false}}, .source = &source, .metric = metric},
        {.parts = {{Site::resid_mid, false}}, .source = &source, .metric = metric},
        {.into = Run::clean, .source = &zero, .metric = metric}};
    for (const SweepSpec& spec : specs) {
      if (!info(spec.parts[0].site).exists(model.config())) {
        continue;
      }
      CAPTURE(name, to_string(feature), short_name(spec.parts[0].site));
      const Compared result = compared(model, padded, spec);
      CHECK(result.difference < 1e-4);
      CHECK(result.effect > 1e-4);
    }
  }
}

TEST_CASE("positions one by one, a span, the end and zeroed values equal the plain loop too") {
  const OtherRun source(Run::clean);
  const OtherRun back(Run::corrupted);
  const Zero zero;
  for (const std::string name : {"llama", "gemma2", "gpt_neox", "gpt2"}) {
    const Model model = load(huggingface_fixture(name));
    const Task even = random_task({.d_vocab = model.config().d_vocab});
    const Metric* metric = &find_metric("prob_diff");
    const SweepSpec specs[] = {
        {.over_positions = true, .source = &source, .metric = metric},
        {.parts = {{Site::k}}, .over_positions = true, .source = &source, .metric = metric},
        {.parts = {{Site::resid_pre, false}},
         .over_positions = true,
         .source = &source,
         .metric = metric},
        {.positions = {"end"}, .source = &source, .metric = metric},
        {.positions = {"S"}, .source = &source, .metric = metric},
        {.positions = {"-2,6"}, .into = Run::clean, .source = &back, .metric = metric},
        {.into = Run::clean, .source = &zero, .metric = &find_metric("kl")},
        {.parts = {{Site::mlp_out, false}}, .source = &zero, .metric = metric}};
    for (const SweepSpec& spec : specs) {
      CAPTURE(name, short_name(spec.parts[0].site), spec.positions.text, spec.over_positions);
      const Compared result = compared(model, even, spec);
      CHECK(result.difference < 1e-5);
      CHECK(result.effect > 1e-5);
    }
  }
}

TEST_CASE("small memory means small batches and the same values") {
  const Model model = load(huggingface_fixture("gemma3"));
  const Task task = random_task({.lengths = {9, 9, 12, 12, 12},
                                 .differ_from = {5, 2, 3, 8, 7},
                                 .d_vocab = model.config().d_vocab});
  const OtherRun source(Run::clean);
  const SweepSpec spec{.source = &source, .metric = &find_metric("logit_diff")};
  const SweepTable roomy = swept(model, task, spec, SweepOptions::Execution::shared);
  const SweepTable tight = swept(model, task, spec, SweepOptions::Execution::shared, 300 << 10);
  for (std::int64_t cell = 0; cell < grid_of(model, task, spec).size(); ++cell) {
    CHECK(tight.mean(cell) == Approx(roomy.mean(cell)).margin(1e-5));
  }
  SweepTable nothing(grid_of(model, task, spec).size(), 5);
  CHECK_THROWS_WITH(run_sweep(model, task, spec, {.memory = 1000}, nothing),
                    contains("--memory 1.0 kB is too little: one cell of a prompt of 12 tokens"));
}

TEST_CASE("heads that are changed a few at a time, query or KV, are the same heads") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const Task task =
      random_task({.lengths = {12}, .differ_from = {3}, .d_vocab = model.config().d_vocab});
  const OtherRun source(Run::clean);
  for (const Site site : {Site::z, Site::q, Site::k, Site::v}) {
    CAPTURE(info(site).name);
    const SweepSpec spec{
        .parts = {{site, true}}, .source = &source, .metric = &find_metric("logit_diff")};
    const SweepTable plain = swept(model, task, spec, SweepOptions::Execution::plain);
    int sizes = 0;
    for (std::int64_t memory = 1 << 20; memory >= 1 << 12; memory = memory * 9 / 10) {
      SweepTable tight(grid_of(model, task, spec).size(), 1);
      try {
        run_sweep(model, task, spec, {.memory = memory}, tight);
      } catch (const ResourceError&) {
        break;  // not even one head of one prompt
      }
      ++sizes;
      for (std::int64_t cell = 0; cell < grid_of(model, task, spec).size(); ++cell) {
        CHECK(tight.value(cell, 0) == Approx(plain.value(cell, 0)).margin(1e-5));
      }
    }
    CHECK(sizes > 5);
  }
}
