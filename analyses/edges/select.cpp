#include "analyses/edges/select.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <utility>

#include "lib/base/error.h"

namespace headscope {
namespace {

// The best `size` that may be taken.
std::vector<bool> top(const std::vector<double>& scores,
                      std::int64_t size,
                      RankBy by,
                      const std::vector<bool>& eligible) {
  std::vector<bool> chosen(scores.size());
  for (const std::int64_t place : ranked(scores, by)) {
    if (size == 0) {
      break;
    }
    if (eligible[static_cast<std::size_t>(place)]) {
      chosen[static_cast<std::size_t>(place)] = true;
      --size;
    }
  }
  return chosen;
}

EdgeSet among_nodes(const CircuitGraph& graph, std::vector<bool> nodes) {
  nodes.at(0) = true;  // the input: without it no node has a way in
  return edges_among(graph.graph, nodes);
}

// Edges that lead into the circuit, the best first, equal ones by their number.
class Frontier {
 public:
  Frontier(const CircuitGraph& graph, const std::vector<bool>& eligible)
      : graph_(graph), eligible_(eligible) {}

  void add_edges_into(std::int64_t reader) {
    for (std::int64_t writer = 0; writer < graph_.graph.writers_before(reader); ++writer) {
      const std::int64_t edge = graph_.graph.index(writer, reader);
      const double score = std::abs(graph_.scores[static_cast<std::size_t>(edge)]);
      if (eligible_[static_cast<std::size_t>(edge)]) {
        queue_.push({score, -edge, writer});
      }
    }
  }

  // A head is read into by three readers.
  void add_node(std::int64_t writer) {
    const Node node = graph_.graph.writer_node(writer);
    if (node.kind == Node::Kind::mlp) {
      add_edges_into(graph_.graph.reader(node, std::nullopt));
    } else if (node.kind == Node::Kind::head) {
      for (const HeadInput input : {HeadInput::q, HeadInput::k, HeadInput::v}) {
        add_edges_into(graph_.graph.reader(node, input));
      }
    }
  }

  [[nodiscard]] bool empty() const { return queue_.empty(); }

  std::pair<std::int64_t, std::int64_t> take() {  // edge, writer
    const Candidate best = queue_.top();
    queue_.pop();
    return {-best.negative_edge, best.writer};
  }

 private:
  struct Candidate {
    double score;
    std::int64_t negative_edge;
    std::int64_t writer;
    auto operator<=>(const Candidate&) const = default;
  };
  const CircuitGraph& graph_;
  const std::vector<bool>& eligible_;
  std::priority_queue<Candidate> queue_;
};

EdgeSet greedy_edges(const CircuitGraph& graph,
                     std::int64_t size,
                     const std::vector<bool>& eligible) {
  EdgeSet edges = no_edges(graph.graph);
  std::vector<bool> inside(static_cast<std::size_t>(graph.graph.n_writers()));
  Frontier frontier(graph, eligible);
  frontier.add_edges_into(graph.graph.n_readers() - 1);
  for (std::int64_t i = 0; i < size && !frontier.empty(); ++i) {
    const auto [edge, writer] = frontier.take();
    edges[static_cast<std::size_t>(edge)] = true;
    if (!inside[static_cast<std::size_t>(writer)]) {
      inside[static_cast<std::size_t>(writer)] = true;
      frontier.add_node(writer);
    }
  }
  return edges;
}

}  // namespace

std::string_view to_string(SelectBy by) {
  return by == SelectBy::signed_top     ? "signed"
         : by == SelectBy::absolute_top ? "absolute"
                                        : "greedy";
}

SelectBy parse_select_by(std::string_view text) {
  for (const SelectBy by : {SelectBy::signed_top, SelectBy::absolute_top, SelectBy::greedy}) {
    if (to_string(by) == text) {
      return by;
    }
  }
  throw UsageError("--select {}: there are signed, absolute and greedy", text);
}

std::int64_t usual_size(const EdgeGraph& graph, CircuitLevel level) {
  return level == CircuitLevel::edge
             ? std::max(graph.n_edges() / 100, std::min<std::int64_t>(20, graph.n_edges()))
             : std::max(graph.n_writers() / 10, std::min<std::int64_t>(5, graph.n_writers()));
}

std::vector<bool> with_evidence(const std::vector<double>& scores) {
  std::vector<bool> some(scores.size());
  std::transform(scores.begin(), scores.end(), some.begin(), [](double s) { return s != 0.0; });
  return some;
}

EdgeSet select_circuit(const CircuitGraph& graph,
                       std::int64_t size,
                       SelectBy by,
                       const std::vector<bool>& eligible) {
  const auto most = static_cast<std::int64_t>(graph.scores.size());
  const std::int64_t wanted = std::clamp<std::int64_t>(size, 0, most);
  const RankBy rank = by == SelectBy::signed_top ? RankBy::signed_score : RankBy::absolute;
  const std::vector<bool> may =
      eligible.empty() ? std::vector<bool>(graph.scores.size(), true) : eligible;
  if (graph.level == CircuitLevel::node) {
    if (by == SelectBy::greedy) {
      throw UsageError("--select greedy follows edges; of nodes take signed or absolute");
    }
    return pruned(graph.graph, among_nodes(graph, top(graph.scores, wanted, rank, may)));
  }
  return pruned(graph.graph,
                by == SelectBy::greedy ? greedy_edges(graph, wanted, may)
                                       : top(graph.scores, wanted, rank, may));
}

}  // namespace headscope
