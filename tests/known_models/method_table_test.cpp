// Every method of circuits on every model whose circuit is known: one table of areas under the ROC
// curve, and a failure where a method that should find the truth does not.
#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>

#include "analyses/edges/circuit_method.h"
#include "analyses/metric/auc.h"
#include "analyses/studies/circuit_input.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

// Methods that cannot tell every edge by how they are made, and why; what a single model hides from
// a method stands in its truth.json.
const std::map<std::string, std::string>& limits_of_methods() {
  static const std::map<std::string, std::string> limits{
      {"hisp", "of nodes: every edge between two strong nodes scores"},
      {"relp", "patterns are constants: edges into queries and keys score 0"},
      {"ifr", "how much is written, not what for: what differs between prompts does not count"},
      {"random", "what the others are compared with"}};
  return limits;
}

// The area under the ROC curve of |score| for the edges of the truth; edges that hold the same
// values in both runs count as neither.
double area_of(const CircuitMethod& method, const KnownCircuit& known) {
  const JudgedEdges judged =
      judged_edges(known, circuit_scores(method, CircuitLevel::edge, known.input.context, {}));
  return roc_auc(judged.scores, judged.truth);
}

}  // namespace

TEST_CASE("every method finds every known circuit, but where it is said why not") {
  std::string table = "area under the ROC curve of edges\n";
  std::map<std::string, double> least;  // of each method
  for (const KnownModel& model : all_known_models()) {
    const KnownCircuit known(model);
    table += fmt::format("{:18}", model.name);
    for (const CircuitMethod& method : all_circuit_methods()) {
      const std::string name(method.name);
      const double area = area_of(method, known);
      table += fmt::format(" {} {:.2f}", name, area);
      least[name] = std::min(least.try_emplace(name, 1.0).first->second, area);
      if (limits_of_methods().contains(name)) {
        continue;
      }
      CAPTURE(model.name, name, area);
      if (known.parts.truth.not_found_by.contains(name)) {
        CHECK(area < 0.995);  // else truth.json tells of a limit that is none
      } else {
        CHECK(area > 0.99);
      }
    }
    table += "\n";
  }
  for (const auto& [name, why] : limits_of_methods()) {
    CAPTURE(name, why);
    CHECK((!least.contains(name) || least.at(name) < 0.9));
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
