// Baselines that are known already: taken as they are, and the same bits as those computed.
#include "analyses/sweep/baselines.h"

#include "analyses/attribution/attribution.h"
#include "analyses/sweep/sweep.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const OtherRun kClean(Run::clean);

struct BaselinesCase {
  Model model = load(huggingface_fixture("llama"));
  Task task = random_task({.d_vocab = model.config().d_vocab});
  SweepSpec spec{.source = &kClean, .metric = &find_metric("logit_diff")};
  Baselines baselines = baselines_of(model, task.items, Scoring(*spec.metric, task.items, model));

  // As attribution if `method` says so, else as the sweep itself.
  [[nodiscard]] SweepTable run(const Baselines* ready,
                               const AttributionOptions* method = nullptr) const {
    SweepTable table(grid_of(model, task, spec).size(), 3);
    const SweepOptions options{.memory = 1 << 30, .baselines = ready};
    CHECK((method == nullptr ? run_sweep(model, task, spec, options, table)
                             : run_attribution(model, task, spec, *method, options, table)));
    return table;
  }
};

}  // namespace

TEST_CASE("a sweep with ready baselines is bit for bit the one that computes them") {
  const BaselinesCase at;
  const AttributionOptions atp;
  for (const AttributionOptions* method : {static_cast<const AttributionOptions*>(nullptr), &atp}) {
    const SweepTable own = at.run(nullptr, method);
    const SweepTable shared = at.run(&at.baselines, method);
    CHECK(own.values() == shared.values());
    CHECK(own.clean() == shared.clean());
    CHECK(own.corrupted() == shared.corrupted());
  }
}

TEST_CASE("ready baselines are not computed again") {
  const BaselinesCase at;
  Baselines marked = at.baselines;
  marked.clean = {100, 101, 102};
  const AttributionOptions atp;
  CHECK(at.run(&marked).clean() == marked.clean);
  CHECK(at.run(&marked, &atp).clean() == marked.clean);
}

TEST_CASE("baselines of several metrics at once are those of each alone") {
  const BaselinesCase at;
  const auto all = baselines_of(
      at.model,
      at.task.items,
      std::vector<const Metric*>{&find_metric("accuracy"), &find_metric("logit_diff")});
  REQUIRE(all.size() == 2);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(all[1].clean[i] == Approx(at.baselines.clean[i]));
    CHECK(all[1].corrupted[i] == Approx(at.baselines.corrupted[i]));
    CHECK((all[0].clean[i] == 0.0 || all[0].clean[i] == 1.0));
  }
}

TEST_CASE("a check finds what a run would, before its first pass") {
  BaselinesCase at;
  const SweepOptions options{.memory = 1 << 30};
  check_sweep(at.model, at.task, at.spec, options);
  SweepSpec lost = at.spec;
  lost.positions = {"S9"};
  CHECK_THROWS_AS(check_sweep(at.model, at.task, lost, options), UsageError);
  CHECK_THROWS_AS(check_attribution(at.model, at.task, lost, {}, options), UsageError);
  CHECK_THROWS_AS(check_sweep(at.model, at.task, at.spec, {.memory = 1}), ResourceError);
  SweepSpec counted = at.spec;
  counted.metric = &find_metric("rank");
  CHECK_THROWS_AS(check_attribution(at.model, at.task, counted, {}, options), UsageError);
}
