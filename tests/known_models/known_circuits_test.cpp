// Methods that find circuits, on models whose circuit is known: exactly what an edge is worth, the
// truth run alone, and each method's AUC.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analyses/edges/circuit_method.h"
#include "analyses/metric/auc.h"
#include "analyses/studies/circuit_input.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

// The area under the ROC curve of |score| for the edges of the truth; edges that hold the same
// values in both runs count as neither. Of a method of nodes alone, for its nodes.
double area_of(const CircuitMethod& method, const KnownCircuit& known) {
  const CircuitLevel level = method.edges == nullptr ? CircuitLevel::node : CircuitLevel::edge;
  const std::vector<double> scores = circuit_scores(method, level, known.input.context, {});
  if (level == CircuitLevel::edge) {
    const JudgedEdges judged = judged_edges(known, scores);
    return roc_auc(judged.scores, judged.truth);
  }
  std::vector<double> sizes;
  for (const double score : scores) {
    sizes.push_back(std::abs(score));
  }
  return roc_auc(sizes, nodes_of(known.input.context.graph, known.truth));
}

// What everything else is compared with: random finds nothing, and should not; hisp is of nodes, so
// that every edge between two strong ones scores; ifr asks how much is written, whatever the task
// asks.
bool is_control(const CircuitMethod& method) {
  return method.name == "random" || method.name == "hisp" || method.name == "ifr";
}

}  // namespace

TEST_CASE("exactly the edges of the truth are worth something") {
  for (const KnownModel& model : all_known_models()) {
    const KnownCircuit known(model);
    const std::vector<double> worth =
        circuit_scores(find_circuit_method("patch"), CircuitLevel::edge, known.input.context, {});
    for (std::size_t edge = 0; edge < worth.size(); ++edge) {
      CAPTURE(model.name,
              to_string(known.input.context.graph.edge(static_cast<std::int64_t>(edge))));
      if (known.truth[edge]) {
        CHECK(std::abs(worth[edge]) > (model.name == "backup" ? 0.0 : 1e-3));
      } else {
        CHECK(std::abs(worth[edge]) < 1e-5);
      }
    }
  }
}

TEST_CASE("every method finds every known circuit, but where the truth says why it does not") {
  std::string table = "area under the ROC curve of edges\n";
  for (const KnownModel& model : all_known_models()) {
    const KnownCircuit known(model);
    table += fmt::format("{:18}", model.name);
    for (const CircuitMethod& method : all_circuit_methods()) {
      const double area = area_of(method, known);
      table += fmt::format(" {} {:.2f}", method.name, area);
      if (is_control(method) || !method.limit.empty()) {
        continue;  // what a method cannot find by how it is made has a case of its own
      }
      CAPTURE(model.name, method.name, area);
      if (known.parts.truth.not_found_by.contains(std::string(method.name))) {
        CHECK(area < 0.995);  // else the limit that truth.json tells of is none
      } else {
        CHECK(area > 0.99);
      }
    }
    table += "\n";
  }
  fmt::print("{}", table);
}

TEST_CASE("the backup model shows how ACDC loses an inhibitor") {
  const KnownCircuit known(known_model("backup"));
  const EdgeGraph& graph = known.input.context.graph;
  const auto inhibitor = static_cast<std::size_t>(graph.index(parse_edge("a0.h0->a1.h0<q>")));
  const auto scores = [&](const char* method) {
    return circuit_scores(find_circuit_method(method), CircuitLevel::edge, known.input.context, {});
  };
  // Cut by itself it doubles what is said, so that it costs less than any threshold.
  CHECK(scores("patch")[inhibitor] < -5.0);
  const std::vector<double> kept = scores("acdc");
  for (std::size_t edge = 0; edge < kept.size(); ++edge) {
    CAPTURE(graph_name(graph.edge(static_cast<std::int64_t>(edge))));
    CHECK((kept[edge] > 0.0) == (known.truth[edge] && edge != inhibitor));
  }
}

TEST_CASE("relevance finds all but edges into queries and keys, as its limit says") {
  for (const KnownModel& model : all_known_models()) {
    const KnownCircuit known(model);
    const EdgeGraph& graph = known.input.context.graph;
    const auto scores =
        circuit_scores(find_circuit_method("relp"), CircuitLevel::edge, known.input.context, {});
    EdgeSet through_values = known.truth;
    for (std::size_t edge = 0; edge < scores.size(); ++edge) {
      const auto input = graph.edge(static_cast<std::int64_t>(edge)).input;
      if (input == HeadInput::q || input == HeadInput::k) {
        CHECK(scores[edge] == 0.0);
        through_values[edge] = false;
      }
    }
    // What of the truth leads to the logits without them; the rest counts neither way.
    const EdgeSet found = pruned(graph, through_values);
    std::vector<double> sizes;
    std::vector<bool> truth;
    for (std::size_t edge = 0; edge < scores.size(); ++edge) {
      if (!known.constant[edge] && (found[edge] || !known.truth[edge])) {
        sizes.push_back(std::abs(scores[edge]));
        truth.push_back(found[edge]);
      }
    }
    // What steps of an activation hide from gradients they hide from relevance too.
    if (count(found) > 0 && !known.parts.truth.not_found_by.contains("eap")) {
      CAPTURE(model.name);
      CHECK(roc_auc(sizes, truth) > 0.99);
    }
  }
}
