// Faithfulness against runs counted by hand, and searches against their plain forms.
#include "analyses/edges/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analyses/edges/acdc.h"
#include "analyses/edges/circuit_method.h"
#include "analyses/edges/circuit_values.h"
#include "analyses/edges/exact_edges.h"
#include "analyses/edges/select.h"
#include "analyses/edges/stability.h"
#include "analyses/edges/task_circuits.h"
#include "lib/base/error.h"
#include "tests/edges/edge_fixtures.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

CircuitGraph scored_by(const EdgeFixture& fixture, const char* method, CircuitLevel level) {
  CircuitGraph graph{
      .graph = fixture.context.graph,
      .level = level,
      .scores = circuit_scores(find_circuit_method(method), level, fixture.context, {.seed = 4}),
      .edges = {},
      .made = {}};
  const auto third = static_cast<std::int64_t>(graph.scores.size()) / 3;
  graph.edges = select_circuit(graph, third, SelectBy::absolute_top);
  return graph;
}

}  // namespace

TEST_CASE("curves are runs of the best edges, and the whole model is f = 1") {
  const EdgeFixture fixture(load(huggingface_fixture("llama3_gqa_tied")),
                            CircuitAblation::corrupted,
                            {.lengths = {7, 7, 6}, .differ_from = {2, 3, 4}, .seed = 2});
  const CircuitGraph graph = scored_by(fixture, "eap", CircuitLevel::edge);
  const CircuitEvaluation found = evaluate_circuit(fixture.context, graph, {.resamples = 50});
  const EdgeGraph& edges = graph.graph;
  CHECK(found.full == Approx(mean_in(fixture.context, all_edges(edges))));
  CHECK(found.empty == Approx(mean_in(fixture.context, no_edges(edges))));
  double cpr = 0.0;
  for (const FaithfulnessCurve& curve : found.curves) {
    const bool by_sign = curve.by == RankBy::signed_score;
    for (const CurvePoint& point : curve.points) {
      CAPTURE(by_sign, point.share);
      const EdgeSet circuit = select_circuit(
          graph, point.size, by_sign ? SelectBy::signed_top : SelectBy::absolute_top);
      const double f =
          (mean_in(fixture.context, circuit) - found.empty) / (found.full - found.empty);
      CHECK(point.faithfulness.value == Approx(f).margin(1e-6));
      CHECK(point.size ==
            static_cast<std::int64_t>(point.share * static_cast<double>(edges.n_edges())));
      CHECK(point.faithfulness.low <= point.faithfulness.high);
    }
    CHECK(curve.points.back().faithfulness.value == Approx(1.0));
  }
  const auto& points = found.curves.front().points;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    cpr += (points[i + 1].share - points[i].share) *
           (points[i].faithfulness.value + points[i + 1].faithfulness.value) / 2;
  }
  CHECK(found.curves.front().cpr.value == Approx(cpr));
  EdgeSet rest = graph.edges;
  rest.flip();
  CHECK(found.complement.value ==
        Approx((mean_in(fixture.context, rest) - found.empty) / (found.full - found.empty))
            .margin(1e-6));
}

TEST_CASE("a metric that the corruption leaves alone has no faithfulness") {
  EdgeFixture fixture(load(huggingface_fixture("gpt2")), CircuitAblation::corrupted);
  const CircuitGraph graph = scored_by(fixture, "random", CircuitLevel::edge);
  Task same = fixture.task;
  for (TaskItem& item : same.items) {
    item.corrupted = item.clean;
  }
  const CircuitContext context(
      fixture.model, same, find_metric("logit_diff"), CircuitAblation::corrupted, kEdgeMemory);
  CHECK_THROWS_AS(evaluate_circuit(context, graph, {}), UsageError);
}

TEST_CASE("exact patching is the loss of each edge alone; of a node, of all that leave it") {
  const EdgeFixture fixture(load(huggingface_fixture("llama_linear_mqa")),
                            CircuitAblation::mean,
                            {.lengths = {6, 6}, .differ_from = {2, 3}});
  const EdgeGraph& graph = fixture.context.graph;
  const CircuitMethod& patch = find_circuit_method("patch");
  const auto edges = circuit_scores(patch, CircuitLevel::edge, fixture.context, {});
  const double whole = mean_in(fixture.context, all_edges(graph));
  for (std::int64_t edge = 3; edge < graph.n_edges(); edge += graph.n_edges() / 4) {
    EdgeSet circuit = all_edges(graph);
    circuit[static_cast<std::size_t>(edge)] = false;
    CHECK(edges[static_cast<std::size_t>(edge)] ==
          Approx(whole - mean_in(fixture.context, circuit)).margin(1e-6));
  }
  const auto nodes = circuit_scores(patch, CircuitLevel::node, fixture.context, {});
  REQUIRE(nodes.size() == static_cast<std::size_t>(graph.n_writers()));
  EdgeSet circuit = all_edges(graph);
  for (std::int64_t reader = 0; reader < graph.n_readers(); ++reader) {
    if (graph.writers_before(reader) > 2) {
      circuit[static_cast<std::size_t>(graph.index(2, reader))] = false;
    }
  }
  CHECK(nodes[2] == Approx(whole - mean_in(fixture.context, circuit)).margin(1e-6));
}

TEST_CASE("ACDC decides as if edges were cut one by one") {
  const EdgeFixture fixture(load(huggingface_fixture("gpt2")),
                            CircuitAblation::corrupted,
                            {.lengths = {6}, .differ_from = {2}});
  const EdgeGraph& graph = fixture.context.graph;
  const TaskCircuits task(fixture.context);
  const double whole = task.means({all_edges(graph)}).front();
  const double threshold = std::abs(whole - task.means({no_edges(graph)}).front()) / 50;
  EdgeSet plain = all_edges(graph);
  double current = whole;
  for (std::int64_t reader = graph.n_readers() - 1; reader >= 0; --reader) {
    for (std::int64_t writer = graph.writers_before(reader) - 1; writer >= 0; --writer) {
      const auto edge = static_cast<std::size_t>(graph.index(writer, reader));
      plain[edge] = false;
      const double without = task.means({plain}).front();
      plain[edge] = !(current - without < threshold);
      current = plain[edge] ? current : without;
    }
  }
  AcdcSearch search(graph, threshold, whole);
  int asked = 0;
  while (!search.done()) {
    const auto circuits = search.candidates();
    search.decide(task.means(circuits));
    ++asked;
  }
  CHECK(search.circuit() == plain);
  CHECK(search.visited() == graph.n_edges());
  CHECK(count(plain) > 0);
  CHECK(asked < graph.n_edges() / 2);
}

TEST_CASE("every method scores every edge, and says what it cannot") {
  const EdgeFixture fixture(load(huggingface_fixture("gpt_neox")),
                            CircuitAblation::zero,
                            {.lengths = {5}, .differ_from = {2}});
  for (const CircuitMethod& method : all_circuit_methods()) {
    CAPTURE(method.name);
    for (const CircuitLevel level : {CircuitLevel::edge, CircuitLevel::node}) {
      const bool scores = (level == CircuitLevel::edge ? method.edges : method.nodes) != nullptr;
      const auto run = [&] {
        return circuit_scores(method, level, fixture.context, {.thresholds = {0.1}});
      };
      if (!scores) {
        CHECK_THROWS_AS(run(), UsageError);
      } else if (method.name != "acdc" && method.name != "patch") {
        CHECK(run().size() == static_cast<std::size_t>(level == CircuitLevel::edge
                                                           ? fixture.context.graph.n_edges()
                                                           : fixture.context.graph.n_writers()));
      }
    }
  }
  CHECK_THROWS_WITH(find_circuit_method("eap-gi"), contains("eap-ig"));
  const EdgeFixture kl(load(huggingface_fixture("gpt2")),
                       CircuitAblation::corrupted,
                       {.lengths = {5}, .differ_from = {2}},
                       kEdgeMemory,
                       "kl");
  CHECK_THROWS_AS(circuit_scores(find_circuit_method("eap"), CircuitLevel::edge, kl.context, {}),
                  UsageError);
  CHECK_NOTHROW(circuit_scores(find_circuit_method("eap-ig"), CircuitLevel::edge, kl.context, {}));
}

TEST_CASE("resampled prompts: one item's circuit is always itself, several items' vary") {
  const EdgeFixture fixture(load(huggingface_fixture("llama3_gqa_tied")),
                            CircuitAblation::mean,
                            {.lengths = {7, 7, 7}, .differ_from = {2, 3, 4}});
  const CircuitMethod& eap = find_circuit_method("eap");
  StabilityOptions options;
  options.bootstraps = 20;
  options.size = 40;
  const Stability found = circuit_stability(fixture.context, eap, CircuitLevel::edge, options);
  const auto whole = circuit_scores(eap, CircuitLevel::edge, fixture.context, {});
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CHECK(found.scores[i] == Approx(whole[i]).margin(1e-5));
  }
  CHECK(found.jaccard > 0.0);
  CHECK(found.jaccard < 1.0);
  Task twice = fixture.task;
  twice.items = {twice.items[0], twice.items[0]};
  const CircuitContext same(fixture.context, twice);
  CHECK(circuit_stability(same, eap, CircuitLevel::edge, options).jaccard == Approx(1.0));
  CHECK_THROWS_AS(
      circuit_stability(fixture.context, find_circuit_method("acdc"), CircuitLevel::edge, options),
      UsageError);
}

TEST_CASE("edges to check are the strongest and others, each once") {
  const std::vector<double> scores{0.1, -9.0, 0.2, 8.0, 0.3, 0.0};
  const auto edges = edges_to_check(scores, 4, 1);
  REQUIRE(edges.size() == 4);
  CHECK(std::count(edges.begin(), edges.end(), 1) == 1);
  CHECK(std::count(edges.begin(), edges.end(), 3) == 1);
  CHECK(std::is_sorted(edges.begin(), edges.end()));
  CHECK(edges_to_check(scores, 100, 1).size() == scores.size());
}

TEST_CASE("scores that are no numbers are refused, naming the first edge or node") {
  const EdgeFixture fixture(load(huggingface_fixture("gpt2")), CircuitAblation::corrupted);
  const CircuitMethod broken{
      .name = "broken",
      .summary = "",
      .definition = "",
      .source = "",
      .edges =
          [](const CircuitContext& context, const CircuitSettings&) {
            std::vector<double> scores(static_cast<std::size_t>(context.graph.n_edges()));
            scores[0] = -std::numeric_limits<double>::infinity();
            return scores;
          },
      .nodes =
          [](const CircuitContext& context, const CircuitSettings&) {
            return std::vector<double>(static_cast<std::size_t>(context.graph.n_writers()),
                                       std::numeric_limits<double>::quiet_NaN());
          }};
  CHECK_THROWS_WITH(circuit_scores(broken, CircuitLevel::edge, fixture.context, {}),
                    contains("input->a0.h0<q> is not a number"));
  CHECK_THROWS_WITH(circuit_scores(broken, CircuitLevel::node, fixture.context, {}),
                    contains("input is not a number"));
}
