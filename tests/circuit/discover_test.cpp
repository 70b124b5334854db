// Discovery in a model whose circuit is known.
#include "analyses/circuit/discover.h"

#include "analyses/circuit/attention_to.h"
#include "analyses/circuit/faithfulness.h"
#include "tests/support/catch.h"
#include "tests/sweep/known_effects.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr std::int64_t kDiscoverMemory = 1 << 30;

DiscoveryOptions backwards() {
  return {.stages = {{"induction", "opposing", "", HeadInput::q, "end", "end"},
                     {"previous token", "", "induction", HeadInput::k, "all", "all"},
                     {"nothing", "", "induction", HeadInput::v, "all", "all"}},
          .metric = &find_metric("logit_diff"),
          .memory = kDiscoverMemory};
}

std::vector<HeadId> heads_of(const Discovery& found, const std::string& name) {
  const HeadClass* heads = found.circuit.find(name);
  REQUIRE(heads != nullptr);
  return heads->heads;
}

}  // namespace

TEST_CASE("going back from the logits finds the induction head, then the previous-token head") {
  for (const std::int64_t kv_heads : {kInductionHeads, std::int64_t{2}}) {
    const Model model = induction_model(kv_heads);
    const Task task = induction_task(3, {12, 12, 13, 12});
    const Discovery found = discover(model, task, backwards());
    CHECK(heads_of(found, "induction") == std::vector{kInductionHead});
    CHECK(heads_of(found, "previous token") == std::vector{kPreviousTokenHead});
    CHECK(edges_of(found) ==
          std::vector<Edge>{{Node::of(kPreviousTokenHead), Node::of(kInductionHead), HeadInput::k},
                            {Node::of(kInductionHead), Node::logits()}});
    CHECK(heads_of(found, "opposing").empty());
    CHECK(heads_of(found, "nothing").empty());
    CHECK(found.stages[0].effects.size() == static_cast<std::size_t>(2 * kInductionHeads));
  }
}

TEST_CASE("the circuit found keeps the answer, and the model without it loses it") {
  const Model model = induction_model();
  Task task = induction_task(4, {12, 12, 12, 12});
  const Discovery found = discover(model, task, backwards());
  for (TaskItem& item : task.items) {
    item.template_name = "one";
  }
  const FaithfulnessResult result =
      CircuitEvaluator(model, task, find_metric("logit_diff")).run(found.circuit);
  CHECK(faithfulness(result).value() > 0.9);
  CHECK(mean_of(result.complement) < 0.5 * mean_of(result.model));
}

TEST_CASE("a class of which nothing was found leaves the stages behind it empty") {
  const Model model = induction_model();
  DiscoveryOptions options = backwards();
  options.stages.push_back({"behind nothing", "", "nothing", HeadInput::q, "end", "end"});
  const Discovery found = discover(model, induction_task(5, {12, 12}), options);
  CHECK(found.stages.back().effects.empty());
  CHECK(heads_of(found, "behind nothing").empty());
}

TEST_CASE("the induction head looks behind the earlier copy") {
  const Model model = induction_model();
  const Task task = induction_task(6, {12, 12});
  const HeadClass induction{"induction", "end", {kInductionHead}};
  const auto to = attention_to(model, task, induction, {"all", "0"});
  CHECK(to[0][0] == Approx(1.0).margin(1e-4));
  CHECK(to[0][1] < 0.01);
}
