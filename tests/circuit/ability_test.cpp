// What reproduce says where a model does not do the task.
#include "analyses/circuit/reproduce.h"
#include "cli/reproduce/reproduce_view.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

Reproduced with_metric(double low, double high) {
  Reproduced result;
  result.what = &find_reproduction("ioi");
  result.clean = {(low + high) / 2, 0.1, low, high};
  result.ahead = {0.9, 0.1, 0.8, 1.0};
  result.found.circuit.classes = {{"name mover", "end", {{1, 1}}}};
  CircuitTest test{.seed = 1, .task_hash = "x", .templates = {"a", "a", "b", "b"}};
  test.metric = {{4, 5, 4, 5}, {2, 3, 1, 2}, {0, 0, 0, 0}, {0, 0, 0, 0}};
  result.tests = {test};
  return result;
}

}  // namespace

TEST_CASE("a metric above zero is a task done, one below its opposite, one around it neither") {
  CHECK(ability_of(with_metric(3, 5)) == Ability::does);
  CHECK(ability_of(with_metric(-5, -3)) == Ability::does_the_opposite);
  CHECK(ability_of(with_metric(-1, 1)) == Ability::unclear);
  CHECK(verdict(with_metric(3, 5)).find("they keep 44 % of the logit_diff") != std::string::npos);
  for (const Reproduced& result : {with_metric(-5, -3), with_metric(-1, 1)}) {
    CHECK(verdict(result).find("no circuit that does the task") != std::string::npos);
    CHECK(verdict(result).find("keep") == std::string::npos);
  }
}

TEST_CASE("faithfulness by template pools the tests") {
  const auto values = faithfulness_by_template(with_metric(3, 5));
  REQUIRE(values.size() == 2);
  CHECK(values[0] == Approx(5.0 / 9.0));
  CHECK(values[1] == Approx(3.0 / 9.0));
}

TEST_CASE("heads are compared by number with the published family and size alone") {
  const PublishedCircuit& published = find_reproduction("ioi").published;
  ModelConfig config;
  config.n_layers = 12;
  config.n_heads = 12;
  config.d_model = 768;
  config.family = "gpt2";
  CHECK(is_published_model(published, config));
  config.family = "gpt_neox";
  CHECK_FALSE(is_published_model(published, config));
}

TEST_CASE("docstring is judged by the margin over the best wrong argument, as published") {
  CHECK(find_reproduction("docstring").metric == "logit_margin");
  CHECK(find_reproduction("greater-than").metric == "prob_diff");
  CHECK(find_reproduction("ioi").metric == "logit_diff");
}
