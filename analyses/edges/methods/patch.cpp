// Exact patching: every edge, or every node, cut by itself in a run of its own.
#include <algorithm>

#include "analyses/edges/methods.h"
#include "analyses/edges/task_circuits.h"

namespace headscope {
namespace {

constexpr std::int64_t kCutAtOnce = 64;

// What is lost by each of `cuts` circuits that lack one thing; circuit(i) makes the i-th.
template <typename Circuit>
std::vector<double> losses(const CircuitContext& context,
                           const CircuitSettings& settings,
                           std::int64_t cuts,
                           const Circuit& circuit) {
  const TaskCircuits task(context);
  const double whole = task.means({all_edges(context.graph)}).front();
  std::vector<double> scores;
  for (std::int64_t begin = 0; begin < cuts; begin += kCutAtOnce) {
    if (settings.stop && settings.stop()) {
      return {};
    }
    std::vector<EdgeSet> circuits;
    for (std::int64_t i = begin; i < std::min(begin + kCutAtOnce, cuts); ++i) {
      circuits.push_back(circuit(i));
    }
    for (const double mean : task.means(circuits)) {
      scores.push_back(whole - mean);
    }
    if (settings.progress) {
      settings.progress(static_cast<std::int64_t>(scores.size()), cuts);
    }
  }
  return scores;
}

std::vector<double> patched_edges(const CircuitContext& context, const CircuitSettings& settings) {
  return losses(context, settings, context.graph.n_edges(), [&](std::int64_t edge) {
    EdgeSet circuit = all_edges(context.graph);
    circuit[static_cast<std::size_t>(edge)] = false;
    return circuit;
  });
}

std::vector<double> patched_nodes(const CircuitContext& context, const CircuitSettings& settings) {
  return losses(context, settings, context.graph.n_writers(), [&](std::int64_t node) {
    std::vector<bool> nodes(static_cast<std::size_t>(context.graph.n_writers()), true);
    nodes[static_cast<std::size_t>(node)] = false;
    return edges_from(context.graph, nodes);
  });
}

}  // namespace

CircuitMethod patch_method() {
  return {.name = "patch",
          .summary = "exact patching: a run for every edge (or node); slow, and the truth of cuts",
          .definition = "metric of the model − metric of the model without the edge",
          .source =
              "Goldowsky-Dill et al. 2023, arXiv:2304.05969; Wang et al. 2022, "
              "arXiv:2211.00593",
          .edges = patched_edges,
          .nodes = patched_nodes};
}

}  // namespace headscope
