// Direct logit attribution from a trace against the same with the run made.
#include <algorithm>
#include <cmath>

#include "analyses/logit_attribution/batch_shares.h"
#include "tests/logit_attribution/attributed.h"
#include "tests/support/recorded.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::vector<std::string> needed_hooks(const Model& model) {
  return datasets_of({.values = attributed_sites_of_trace(model.config())}, model.config());
}

double shares_apart(const LogitAttribution& a, const LogitAttribution& b) {
  double most = a.shares.size() == b.shares.size() ? 0.0 : 1e9;
  for (std::size_t i = 0; i < std::min(a.shares.size(), b.shares.size()); ++i) {
    if (std::isnan(a.shares[i]) != std::isnan(b.shares[i])) {
      return 1e9;
    }
    most = std::isnan(a.shares[i]) ? most : std::max(most, std::abs(a.shares[i] - b.shares[i]));
  }
  for (std::size_t i = 0; i < a.clean.size(); ++i) {
    most = std::max(
        {most, std::abs(a.clean[i] - b.clean[i]), std::abs(a.corrupted[i] - b.corrupted[i])});
  }
  return most;
}

}  // namespace

TEST_CASE("shares read from a trace are those of the run, in every family and padded") {
  const TempFolder folder;
  for (const FixtureModel& fixture : summed_fixtures()) {
    const Model model = load(fixture);  // soft-caps of the logits stay on
    const Task task = task_of(model, {9, 10, 11, 12});
    for (const Run run : {Run::clean, Run::corrupted}) {
      CAPTURE(fixture.name, static_cast<int>(run));
      const StoredRun stored(record_task_run(
          folder.file("t.h5"), model, task, {.hooks = needed_hooks(model), .run = run}));
      CHECK(shares_apart(attributed(model, task.items, {.run = run}),
                         attributed(model, task.items, {.run = run, .stored = &stored})) < 1e-5);
    }
  }
}

TEST_CASE(
    "a half-precision trace gives shares to its own rounding, and their sum is still checked") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const Task task = task_of(model, {9, 10, 11, 12});
  const LogitAttribution live = attributed(model, task.items);
  double largest = 0.0;
  for (const double share : live.shares) {
    largest = std::max(largest, std::isnan(share) ? 0.0 : std::abs(share));
  }
  for (const auto& [store, tolerance] : {std::pair(DType::f16, 1e-3), {DType::bf16, 8e-3}}) {
    const StoredRun stored(record_task_run(
        folder.file("t.h5"), model, task, {.hooks = needed_hooks(model), .store = store}));
    const double gap =
        shares_apart(live, attributed(model, task.items, {.stored = &stored})) / largest;
    CAPTURE(to_string(store), gap);
    CHECK(gap < tolerance);
    CHECK(gap > 1e-6);
  }
}
