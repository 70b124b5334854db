#include "analyses/edges/circuit_mask.h"

#include <algorithm>

namespace headscope {
namespace {

// Calls visit(edge, writer, reader) for all edges, those of the first readers first.
template <typename Visit>
void each_edge(const EdgeGraph& graph, const Visit& visit) {
  for (std::int64_t reader = 0; reader < graph.n_readers(); ++reader) {
    for (std::int64_t writer = 0; writer < graph.writers_before(reader); ++writer) {
      visit(static_cast<std::size_t>(graph.index(writer, reader)),
            static_cast<std::size_t>(writer),
            graph.writer_of_reader(reader));
    }
  }
}

// Writers that the input leads to. Readers come in the order of the pass, and so are done before
// what their node writes is read.
std::vector<bool> led_to(const EdgeGraph& graph, const EdgeSet& edges) {
  std::vector<bool> reached(static_cast<std::size_t>(graph.n_writers()));
  reached[0] = true;
  each_edge(graph, [&](std::size_t edge, std::size_t writer, std::int64_t to) {
    if (to >= 0 && edges[edge] && reached[writer]) {
      reached[static_cast<std::size_t>(to)] = true;
    }
  });
  return reached;
}

// Writers that lead to the logits.
std::vector<bool> leading(const EdgeGraph& graph, const EdgeSet& edges) {
  std::vector<bool> leads(static_cast<std::size_t>(graph.n_writers()));
  for (std::int64_t reader = graph.n_readers() - 1; reader >= 0; --reader) {
    const std::int64_t to = graph.writer_of_reader(reader);
    for (std::int64_t writer = 0; writer < graph.writers_before(reader); ++writer) {
      if (edges[static_cast<std::size_t>(graph.index(writer, reader))] &&
          (to < 0 || leads[static_cast<std::size_t>(to)])) {
        leads[static_cast<std::size_t>(writer)] = true;
      }
    }
  }
  return leads;
}

}  // namespace

EdgeSet all_edges(const EdgeGraph& graph) {
  return EdgeSet(static_cast<std::size_t>(graph.n_edges()), true);
}

EdgeSet no_edges(const EdgeGraph& graph) {
  return EdgeSet(static_cast<std::size_t>(graph.n_edges()), false);
}

std::int64_t count(const EdgeSet& edges) {
  return std::count(edges.begin(), edges.end(), true);
}

std::vector<bool> nodes_of(const EdgeGraph& graph, const EdgeSet& edges) {
  std::vector<bool> nodes(static_cast<std::size_t>(graph.n_writers()));
  each_edge(graph, [&](std::size_t edge, std::size_t writer, std::int64_t to) {
    if (edges[edge]) {
      nodes[writer] = true;
      if (to >= 0) {
        nodes[static_cast<std::size_t>(to)] = true;
      }
    }
  });
  return nodes;
}

EdgeSet edges_among(const EdgeGraph& graph, const std::vector<bool>& nodes) {
  EdgeSet edges = no_edges(graph);
  each_edge(graph, [&](std::size_t edge, std::size_t writer, std::int64_t to) {
    edges[edge] = nodes[writer] && (to < 0 || nodes[static_cast<std::size_t>(to)]);
  });
  return edges;
}

EdgeSet edges_from(const EdgeGraph& graph, const std::vector<bool>& nodes) {
  EdgeSet edges = no_edges(graph);
  each_edge(graph, [&](std::size_t edge, std::size_t writer, std::int64_t) {
    edges[edge] = nodes[writer];
  });
  return edges;
}

EdgeSet pruned(const EdgeGraph& graph, const EdgeSet& edges) {
  const std::vector<bool> reached = led_to(graph, edges);
  const std::vector<bool> leads = leading(graph, edges);
  EdgeSet kept = no_edges(graph);
  each_edge(graph, [&](std::size_t edge, std::size_t writer, std::int64_t to) {
    kept[edge] = edges[edge] && reached[writer] && (to < 0 || leads[static_cast<std::size_t>(to)]);
  });
  return kept;
}

}  // namespace headscope
