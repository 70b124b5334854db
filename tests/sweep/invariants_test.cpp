// What must hold of any sweep, whatever the model.
#include <cmath>
#include <limits>

#include "analyses/sweep/sweep.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const OtherRun kInvariantsFromClean(Run::clean);

struct Swept {
  explicit Swept(const std::string& fixture)
      : model(load(huggingface_fixture(fixture))),
        task(random_task({.d_vocab = model.config().d_vocab})) {}

  [[nodiscard]] Grid grid() const { return grid_of(model, task, spec); }
  [[nodiscard]] SweepTable table() const {
    return {grid().size(), static_cast<std::int64_t>(task.items.size())};
  }
  [[nodiscard]] SweepTable run() const {
    SweepTable values = table();
    run_sweep(model, task, spec, options, values);
    return values;
  }

  Model model;
  Task task;
  SweepSpec spec{.source = &kInvariantsFromClean, .metric = &find_metric("logit_diff")};
  SweepOptions options{.memory = 1 << 30};
};

}  // namespace

TEST_CASE("a patch from an identical run is exactly no effect") {
  Swept sweep("llama");
  const OtherRun same(Run::corrupted);
  sweep.spec.source = &same;
  const auto shared = SweepOptions::Execution::shared;
  for (const Site site : sweep_sites()) {
    CAPTURE(info(site).name);
    sweep.spec.parts = {{site, head_axis_of(site) != Axis::one}};
    for (const auto execution : {shared, SweepOptions::Execution::plain}) {
      sweep.options.execution = execution;
      const SweepTable values = sweep.run();
      for (std::int64_t cell = 0; cell < sweep.grid().size(); ++cell) {
        for (std::size_t i = 0; i < sweep.task.items.size(); ++i) {
          // An edited pattern takes the explicit path, which rounds otherwise than the fused one.
          const bool explicit_path = site == Site::pattern && execution != shared;
          CHECK(std::abs(values.value(cell, static_cast<std::int64_t>(i)) -
                         values.corrupted()[i]) <= (explicit_path ? 1e-5 : 0.0));
        }
      }
    }
  }
}

TEST_CASE("the baseline is the metric of the plain forward passes") {
  const Swept sweep("gemma2");
  const SweepTable values = sweep.run();
  for (std::size_t i = 0; i < sweep.task.items.size(); ++i) {
    const TaskItem& item = sweep.task.items[i];
    std::vector<std::vector<std::int32_t>> prompts;
    for (const TaskItem& other : sweep.task.items) {
      prompts.push_back(other.clean.tokens);
    }
    const Tensor logits =
        sweep.model.forward(Batch(prompts), {.logits = Logits::last}).logits[static_cast<long>(i)];
    const auto logit = [&](TokenId id) { return logits[id].item().toDouble(); };
    const double right = (logit(item.answers[0]) + logit(item.answers[1])) / 2;
    CHECK(values.clean()[i] == Approx(right - logit(item.wrong[0])).margin(1e-6));
  }
}

TEST_CASE("patching the whole stream at any layer gives the source run") {
  for (const std::string fixture : {"llama", "gemma2", "gpt_neox", "gpt2"}) {
    CAPTURE(fixture);
    Swept sweep(fixture);
    sweep.spec.parts = {{Site::resid_pre, false}};
    const SweepTable values = sweep.run();
    for (std::int64_t layer = 0; layer < sweep.grid().size(); ++layer) {
      for (std::size_t i = 0; i < sweep.task.items.size(); ++i) {
        CHECK(values.value(layer, static_cast<std::int64_t>(i)) ==
              Approx(values.clean()[i]).margin(1e-4));
      }
    }
  }
}

TEST_CASE("shards and a sweep that was stopped add up to the whole") {
  Swept sweep("llama");
  const SweepTable whole = sweep.run();
  const std::int64_t cells = sweep.grid().size();
  SweepTable parts = sweep.table();
  int asked = 0;
  sweep.options.end_cell = cells / 3;
  sweep.options.stop = [&] { return ++asked > 2; };
  CHECK_FALSE(run_sweep(sweep.model, sweep.task, sweep.spec, sweep.options, parts));
  sweep.options.stop = {};
  CHECK(run_sweep(sweep.model, sweep.task, sweep.spec, sweep.options, parts));
  CHECK_FALSE(parts.done(cells / 3, 0));
  sweep.options.first_cell = cells / 3;
  sweep.options.end_cell = -1;
  CHECK(run_sweep(sweep.model, sweep.task, sweep.spec, sweep.options, parts));
  CHECK(parts.values() == whole.values());  // to the last bit
}

TEST_CASE("no cell that is done is run again") {
  const Swept sweep("llama");
  SweepTable values = sweep.table();
  values.put({{2, 1, 123.0}});
  CHECK(run_sweep(sweep.model, sweep.task, sweep.spec, sweep.options, values));
  CHECK(values.value(2, 1) == 123.0);
  CHECK(values.value(2, 0) != 123.0);
}

TEST_CASE("what cannot be swept is refused") {
  Swept sweep("llama");
  sweep.spec.parts = {{Site::mlp_out, true}};
  CHECK_THROWS_WITH(sweep.grid(), contains("has no heads"));
  sweep.spec.parts = {{Site::z, true}};
  sweep.spec.positions = {"S3"};
  CHECK_THROWS_WITH(sweep.run(), contains("has no such span; did you mean S?"));
  sweep.spec.positions = {"40"};
  CHECK_THROWS_WITH(sweep.run(), contains("--positions 40: item"));
  sweep.spec.positions = {};
  sweep.task.items[1].clean.tokens.push_back(1);
  sweep.task.items[1].corrupted.tokens.push_back(1);
  sweep.spec.over_positions = true;
  CHECK_THROWS_WITH(sweep.grid(), contains("items 0 and 1 have 9 and 10 tokens"));
  sweep.task.items[1].clean.tokens.pop_back();
  sweep.task.items[1].corrupted.tokens.pop_back();
  sweep.spec.positions = {"end"};
  CHECK_THROWS_WITH(sweep.grid(), contains("leave out --positions end"));
  sweep.spec.positions = {};
  sweep.task.items[0].wrong.clear();
  sweep.spec.over_positions = false;
  CHECK_THROWS_WITH(sweep.run(), contains("item 0 has no wrong answers"));
  CHECK_THROWS_WITH(parse_sweep_site("zz"), contains("did you mean z?"));
  Swept parallel("gpt_neox");
  parallel.spec.parts = {{Site::resid_mid, false}};
  CHECK_THROWS_WITH(parallel.grid(), contains("this model has no such site"));
}

TEST_CASE("logits that are not finite are an error under every metric") {
  Swept sweep("llama");
  sweep.model = altered(sweep.model, [](ModelConfig&, Weights& weights) {
    weights.ln_final.gain = weights.ln_final.gain * std::numeric_limits<float>::quiet_NaN();
  });
  for (const Metric& metric : all_metrics()) {
    CAPTURE(metric.name);
    sweep.spec.metric = &metric;
    CHECK_THROWS_WITH(sweep.run(), contains("logits are not finite"));
  }
}
