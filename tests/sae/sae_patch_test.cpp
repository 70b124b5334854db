// Features swept by the engine: its shortcuts against the plain loop, and the loop against the
// intervention on one feature.
#include <algorithm>
#include <cmath>

#include "analyses/sae/feature_changes.h"
#include "analyses/sae/feature_source.h"
#include "analyses/sweep/scoring.h"
#include "analyses/sweep/sweep.h"
#include "hooks/address.h"
#include "hooks/recorder.h"
#include "hooks/sae_edit.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/sae/random_sae.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Sae patched_sae(std::int64_t width, const std::string& hook) {
  return random_sae({.width = width, .features = 2 * width, .hook = hook});
}

struct FeatureSweep {
  const Model& model;
  const Task& task;
  const FeatureSource& source;
  FeaturePoint point;
  Run into;
  bool over_positions = false;

  [[nodiscard]] SweepSpec spec() const {
    return {.parts = {{point.site, false}},
            .layer = point.layer,
            .over_positions = over_positions,
            .into = into,
            .source = &source,
            .metric = &find_metric("logit_diff")};
  }
  [[nodiscard]] SweepTable run(SweepOptions::Execution execution) const {
    SweepTable table(grid_of(model, task, spec()).size(), std::ssize(task.items));
    CHECK(run_sweep(model, task, spec(), {.memory = 1 << 30, .execution = execution}, table));
    return table;
  }
};

// A whole pass of one item with op "sae" at the point.
class OneFeature final : public Tap {
 public:
  OneFeature(const Sae& sae, HookPoint point, std::int64_t feature, Tensor other)
      : sae_(sae), point_(point), other_(std::move(other)) {
    what_.features = {feature};
    what_.act = SaeChange::Do::patch;
  }
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point == point_ ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit&, const Tensor& value) override {
    return changed_codes(sae_, what_, value, other_);
  }

 private:
  const Sae& sae_;
  HookPoint point_;
  SaeChange what_;
  Tensor other_;
};

double by_intervention(
    const Sae& sae, const Model& model, const Task& task, std::int64_t item, std::int64_t feature) {
  const std::string& hook = sae.config().hook;
  const TaskItem& own = task.items[static_cast<std::size_t>(item)];
  const Scoring scoring(find_metric("logit_diff"), task.items, model);
  const ForwardOptions last{.logits = Logits::last, .vocab = scoring.vocab()};
  Recorder clean(std::vector<std::string>{hook});
  const Tensor clean_logits = model.forward(Batch({own.clean.tokens}), clean, last).logits;
  OneFeature tap(sae, resolve_hooks(hook, model.config()).front(), feature, clean.at(hook));
  const Tensor logits = model.forward(Batch({own.corrupted.tokens}), tap, last).logits;
  return scoring.values(logits, {item}, clean_logits).front();
}

}  // namespace

TEST_CASE("a sweep of features equals the plain loop and the intervention on each, at every site") {
  const Model model = load(huggingface_fixture("llama"));
  const ModelConfig& config = model.config();
  const Task task =
      random_task({.lengths = {9, 9, 7}, .differ_from = {5, 6, 3}, .d_vocab = config.d_vocab});
  const std::string last = std::to_string(config.n_layers - 1);
  const std::string hook = GENERATE_COPY(values<std::string>({"blocks.0.attn.hook_z",
                                                              "blocks.1.hook_resid_pre",
                                                              "blocks.0.hook_resid_mid",
                                                              "blocks.0.hook_resid_post",
                                                              "blocks." + last + ".hook_resid_post",
                                                              "blocks.0.hook_attn_out",
                                                              "blocks.0.hook_mlp_out"}));
  CAPTURE(hook);
  const bool heads = hook.ends_with("hook_z");
  const Sae sae = patched_sae(heads ? config.n_heads * config.d_head : config.d_model, hook);
  const FeaturePoint point = feature_point(sae, config);
  CHECK(point.has_shortcut);
  const FeatureSource source(sae, {.from = Run::clean, .features = {3, 0, 17}});
  const FeatureSweep sweep{model, task, source, point, Run::corrupted};
  const SweepTable fast = sweep.run(SweepOptions::Execution::shared);
  const SweepTable plain = sweep.run(SweepOptions::Execution::plain);
  double largest = 0.0;
  for (std::int64_t cell = 0; cell < 3; ++cell) {
    for (std::int64_t item = 0; item < 3; ++item) {
      const std::int64_t feature = std::vector<std::int64_t>{3, 0, 17}[std::size_t(cell)];
      CHECK(fast.value(cell, item) == Approx(plain.value(cell, item)).margin(1e-5));
      CHECK(fast.value(cell, item) ==
            Approx(by_intervention(sae, model, task, item, feature)).margin(1e-5));
      largest =
          std::max(largest, std::abs(fast.value(cell, item) - fast.corrupted()[std::size_t(item)]));
    }
  }
  CHECK(largest > 1e-3);
}

TEST_CASE("features position by position, ablated, and at a point without shortcuts") {
  const Model model = load(huggingface_fixture("llama"));
  const ModelConfig& config = model.config();
  const Task task = random_task({.d_vocab = config.d_vocab});
  const Sae sae = patched_sae(config.n_heads * config.d_head, "blocks.1.attn.hook_z");
  const FeaturePoint point = feature_point(sae, config);
  const FeatureSource ablated(sae, {.act = FeatureAct::ablate, .features = {1, 8}});
  const FeatureSweep sweep{model, task, ablated, point, Run::clean, true};
  const Grid grid = grid_of(model, task, sweep.spec());
  REQUIRE(grid.size() == 2 * 9);
  CHECK(grid.axes()[0].labels == std::vector<std::string>{"1"});
  CHECK(grid.axes()[1].name == "feature");
  CHECK(grid.axes()[1].labels == std::vector<std::string>{"1", "8"});
  CHECK(grid.index(grid.cell(13)) == 13);
  const SweepTable fast = sweep.run(SweepOptions::Execution::shared);
  const SweepTable plain = sweep.run(SweepOptions::Execution::plain);
  for (std::int64_t cell = 0; cell < grid.size(); ++cell) {
    CHECK(fast.value(cell, 1) == Approx(plain.value(cell, 1)).margin(1e-5));
  }
  CHECK_FALSE(feature_point(patched_sae(config.d_model, "blocks.1.ln1.hook_normalized"), config)
                  .has_shortcut);
  CHECK_THROWS_WITH(feature_point(patched_sae(7, "blocks.1.hook_resid_pre"), config),
                    contains("wide"));
  CHECK_THROWS_WITH(check_features({2, 2}, sae), contains("named twice"));
}
