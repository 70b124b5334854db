// What reproduce says where a model does not do the task, and that what it looks for hangs
// together.
#include <algorithm>

#include "analyses/circuit/reproduce.h"
#include "analyses/task/maker.h"
#include "cli/reproduce/reproduce_view.h"
#include "lib/tensor/ops.h"
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

// By the metric of the reproduction: one right answer, then the wrong ones.
double judged(const std::string& reproduction, std::vector<float> logits) {
  const auto wrong = static_cast<std::int64_t>(logits.size()) - 1;
  const MetricInput in{at::tensor(logits).view({1, wrong + 1}),
                       at::zeros({1, 1}, at::kLong),
                       at::arange(1, wrong + 1).view({1, wrong}),
                       {}};
  return find_metric(find_reproduction(reproduction).metric).values(in).item<double>();
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

TEST_CASE("one prompt has no interval, so it says nothing of ability") {
  Reproduced one = with_metric(3, 5);
  one.clean = summarize({4.0});
  CHECK(ability_of(one) == Ability::unclear);
}

TEST_CASE("faithfulness by template pools the tests") {
  Reproduced result = with_metric(3, 5);
  result.tests.push_back(result.tests.front());
  result.tests.back().metric.circuit = {4, 5, 0, 0};
  const auto values = faithfulness_by_template(result);
  REQUIRE(values.size() == 2);
  CHECK(values[0] == Approx((2 + 3 + 4 + 5) / 18.0));
  CHECK(values[1] == Approx((1 + 2 + 0 + 0) / 18.0));
}

TEST_CASE("a model is judged as its paper judges") {
  // The best wrong argument counts in docstring, the mean of the wrong ones in IOI.
  CHECK(judged("docstring", {2, 3, -3, -3}) == Approx(-1.0));
  CHECK(judged("ioi", {2, 3, -3, -3}) == Approx(3.0));
  // Probabilities of years above less those below: never more than 1.
  CHECK(judged("greater-than", {20, 0, 0, 0}) == Approx(1.0).margin(1e-6));
  CHECK(judged("greater-than", {0, 20, 0, 0}) == Approx(-1.0).margin(1e-6));
}

TEST_CASE("every stage reads from a class found before it, at places that its task has") {
  for (const Reproduction& each : all_reproductions()) {
    CAPTURE(each.name);
    std::vector<std::string> known{"end"};  // of every task
    for (const TaskMaker::Named& span : task_maker(each.task).spans) {
      known.emplace_back(span.name);
    }
    const auto has = [&](const std::string& span) {
      return std::find(known.begin(), known.end(), span) != known.end();
    };
    std::vector<std::string> found;
    for (const DiscoveryStage& stage : each.stages) {
      CAPTURE(stage.name);
      CHECK((stage.into.empty()
                 ? found.empty()
                 : std::find(found.begin(), found.end(), stage.into) != found.end()));
      CHECK(has(stage.senders_at));
      CHECK(has(stage.receivers_at));
      found.push_back(stage.name);
    }
    for (const std::string& span : each.looks_at) {
      CAPTURE(span);
      CHECK(has(span));
    }
    for (const std::string& span : each.copied) {
      CAPTURE(span);
      CHECK(has(span));
    }
  }
}

TEST_CASE("heads are compared by number with a model of the published family and size alone") {
  for (const Reproduction& each : all_reproductions()) {
    CAPTURE(each.name);
    ModelConfig config;
    config.family = each.published.family;
    config.n_layers = each.published.n_layers;
    config.n_heads = each.published.n_heads;
    config.d_model = each.published.d_model;
    CHECK(is_published_model(each.published, config));
    for (const PublishedCircuit::Class& heads : each.published.classes) {
      for (const auto& [layer, head] : heads.heads) {
        CHECK((layer < config.n_layers && head < config.n_heads));
      }
    }
    ModelConfig wider = config;
    wider.d_model += 64;
    ModelConfig deeper = config;
    ++deeper.n_layers;
    ModelConfig other = config;
    other.family = "gpt_neox";
    for (const ModelConfig& different : {wider, deeper, other}) {
      CHECK_FALSE(is_published_model(each.published, different));
    }
  }
}
