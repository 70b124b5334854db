// Exact patching: every edge, or every node, cut by itself in a run of its own.
#include <numeric>

#include "analyses/edges/exact_edges.h"
#include "analyses/edges/methods.h"

namespace headscope {
namespace {

std::vector<double> patched_edges(const CircuitContext& context, const CircuitSettings& settings) {
  std::vector<std::int64_t> edges(static_cast<std::size_t>(context.graph.n_edges()));
  std::iota(edges.begin(), edges.end(), 0);
  return losses_of_edges(context, settings, edges);
}

std::vector<double> patched_nodes(const CircuitContext& context, const CircuitSettings& settings) {
  return losses_of(context, settings, context.graph.n_writers(), [&](std::int64_t node) {
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
          .nodes = patched_nodes,
          .resumes = Resumes::yes};
}

}  // namespace headscope
