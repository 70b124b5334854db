#include "analyses/edges/methods.h"
#include "lib/tensor/ops.h"

namespace headscope {

std::vector<double> attributed_edges(const CircuitContext& context,
                                     const CircuitSettings& settings,
                                     EdgeAttributionOptions options) {
  const auto total = static_cast<std::int64_t>(context.task.items.size());
  std::int64_t done = 0;
  options.stop = settings.stop;
  options.progress = [&](std::int64_t items) {
    done += items;
    if (settings.progress) {
      settings.progress(done, total);
    }
  };
  const Tensor scores = edge_attribution(context, options);
  return scores.defined() ? edge_scores(context.graph, scores) : std::vector<double>();
}

std::vector<double> attributed_nodes(const CircuitContext& context,
                                     const CircuitSettings& settings,
                                     const EdgeAttributionOptions& options) {
  const std::vector<double> edges = attributed_edges(context, settings, options);
  return edges.empty() ? edges : node_sums(context.graph, edges);
}

std::vector<double> edge_scores(const EdgeGraph& graph, const Tensor& matrix) {
  const Tensor by_reader = matrix.t().contiguous();
  const auto* score = by_reader.const_data_ptr<double>();
  std::vector<double> scores;
  scores.reserve(static_cast<std::size_t>(graph.n_edges()));
  for (std::int64_t reader = 0; reader < graph.n_readers(); ++reader) {
    scores.insert(scores.end(), score, score + graph.writers_before(reader));
    score += graph.n_writers();
  }
  return scores;
}

std::vector<double> node_sums(const EdgeGraph& graph, const std::vector<double>& edges) {
  std::vector<double> sums(static_cast<std::size_t>(graph.n_writers()));
  for (std::int64_t reader = 0; reader < graph.n_readers(); ++reader) {
    for (std::int64_t writer = 0; writer < graph.writers_before(reader); ++writer) {
      sums[static_cast<std::size_t>(writer)] +=
          edges[static_cast<std::size_t>(graph.index(writer, reader))];
    }
  }
  return sums;
}

}  // namespace headscope
