// Methods that find circuits, on models whose circuit is known: exactly what an edge is worth, the
// truth run alone, and each method's AUC.
#include <algorithm>
#include <cmath>

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/masked_runs.h"
#include "analyses/known_models/known_model.h"
#include "analyses/metric/metric.h"
#include "lib/families/load.h"
#include "lib/model/ungrouped.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

constexpr std::int64_t kMemory = 1 << 28;

std::filesystem::path known_directory(const KnownModel& model) {
  return std::filesystem::path(HEADSCOPE_SOURCE_DIR) / "data/models" / std::string(model.name);
}

EdgeSet edges_named(const EdgeGraph& graph, const std::vector<std::string>& names) {
  EdgeSet set = no_edges(graph);
  for (const std::string& name : names) {
    set[static_cast<std::size_t>(graph.index(parse_edge(name)))] = true;
  }
  return set;
}

// How often an edge of the truth has a larger |score| than another edge, ties counted half; edges
// that hold the same values in both runs count as neither.
double auc(const std::vector<double>& scores, const EdgeSet& truth, const EdgeSet& constant) {
  double above = 0, pairs = 0;
  for (std::size_t in = 0; in < scores.size(); ++in) {
    for (std::size_t out = 0; truth[in] && out < scores.size(); ++out) {
      if (!truth[out] && !constant[out]) {
        const double a = std::abs(scores[in]), b = std::abs(scores[out]);
        above += a > b ? 1.0 : a == b ? 0.5 : 0.0;
        pairs += 1;
      }
    }
  }
  return above / pairs;
}

struct KnownRun {
  explicit KnownRun(const KnownModel& known)
      : model(ungrouped(load_model(known_directory(known).string()))),
        parts(known.make()),
        task(known_task(known, parts)),
        context(model, task, find_metric("logit_diff"), CircuitAblation::corrupted, kMemory),
        truth(edges_named(context.graph, parts.truth.edges)),
        constant(edges_named(context.graph, parts.truth.constant_edges)) {}

  Model model;
  KnownModelParts parts;
  Task task;
  CircuitContext context;
  EdgeSet truth, constant;
};

}  // namespace

TEST_CASE("exactly the edges of the truth are worth something") {
  for (const KnownModel& known : all_known_models()) {
    const KnownRun run(known);
    const std::vector<double> worth =
        circuit_scores(find_circuit_method("patch"), CircuitLevel::edge, run.context, {});
    for (std::size_t edge = 0; edge < worth.size(); ++edge) {
      CAPTURE(known.name, to_string(run.context.graph.edge(static_cast<std::int64_t>(edge))));
      if (run.truth[edge]) {
        CHECK(std::abs(worth[edge]) > (known.name == "backup" ? 0.0 : 1e-3));
      } else {
        CHECK(std::abs(worth[edge]) < 1e-5);
      }
    }
  }
}

TEST_CASE("every method puts the truth first, but where it is said why not") {
  for (const KnownModel& known : all_known_models()) {
    const KnownRun run(known);
    for (const std::string name : {"eap", "eap-ig", "patch"}) {
      const double found =
          auc(circuit_scores(find_circuit_method(name), CircuitLevel::edge, run.context, {}),
              run.truth,
              run.constant);
      CAPTURE(known.name, name, found);
      if (!run.parts.truth.not_found_by.contains(name)) {
        CHECK(found > 0.99);
      }
      CHECK(found > 0.5);
    }
  }
}
