#include "analyses/edges/methods.h"
#include "lib/tensor/ops.h"

namespace headscope {

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
