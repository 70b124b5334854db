#include "analyses/edges/truth.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "analyses/edges/evaluate.h"
#include "analyses/edges/select.h"
#include "analyses/metric/auc.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr double kNoArea = std::numeric_limits<double>::quiet_NaN();

class TruthReader {
 public:
  TruthReader(const std::filesystem::path& path, const EdgeGraph& graph)
      : path_(path), graph_(graph), json_(read_json(path)) {
    if (!json_.is_object() || json_.value("format", Json()) != Json("headscope-truth")) {
      throw DataError("{}: no truth.json: \"format\" is not \"headscope-truth\"", path.string());
    }
  }

  CircuitTruth read() const {
    CircuitTruth truth{.model = {},
                       .nodes = std::vector<bool>(static_cast<std::size_t>(graph_.n_writers())),
                       .edges = no_edges(graph_),
                       .constant = no_edges(graph_),
                       .not_found_by = {}};
    if (json_.contains("model") && json_["model"].is_string()) {
      truth.model = json_["model"].get<std::string>();
    }
    each_name("nodes", [&](const std::string& name) {
      if (const Node node = parse_node(name); node.kind != Node::Kind::logits) {
        truth.nodes[static_cast<std::size_t>(graph_.writer(node))] = true;
      }
    });
    each_name("edges", [&](const std::string& name) {
      truth.edges[static_cast<std::size_t>(graph_.index(parse_edge(name)))] = true;
    });
    if (json_.contains("constant_edges")) {
      each_name("constant_edges", [&](const std::string& name) { add_constant(name, truth); });
    }
    const std::int64_t edges = count(truth.edges);
    if (edges == 0 || edges == graph_.n_edges()) {
      throw DataError("{}: {} of {} edges: there is nothing to tell apart",
                      path_.string(),
                      edges,
                      graph_.n_edges());
    }
    const Json not_found = json_.value("not_found_by", Json::object());
    for (const auto& [method, why] : not_found.items()) {
      truth.not_found_by[method] = why.is_string() ? why.get<std::string>() : why.dump();
    }
    return truth;
  }

 private:
  void add_constant(const std::string& name, CircuitTruth& truth) const {
    const auto edge = static_cast<std::size_t>(graph_.index(parse_edge(name)));
    if (truth.edges[edge]) {
      throw DataError("it is in \"edges\" too");
    }
    truth.constant[edge] = true;
  }

  void each_name(const char* key, const std::function<void(const std::string&)>& take) const {
    if (!json_.contains(key) || !json_[key].is_array()) {
      throw DataError("{}: has no list \"{}\"", path_.string(), key);
    }
    for (const Json& name : json_[key]) {
      try {
        take(name.is_string() ? name.get<std::string>() : name.dump());
      } catch (const Error& error) {
        throw DataError("{}: {} {}: {}", path_.string(), key, name.dump(), error.what());
      }
    }
  }

  const std::filesystem::path& path_;
  const EdgeGraph& graph_;
  Json json_;
};

}  // namespace

CircuitTruth read_truth(const std::filesystem::path& path, const EdgeGraph& graph) {
  return TruthReader(path, graph).read();
}

Roc roc_of(const std::vector<double>& scores, const std::vector<bool>& truth) {
  Roc roc{.all = scores.size(), .points = {{0.0, 0.0}}, .trapezoid = roc_auc(scores, truth)};
  const std::vector<std::int64_t> order = ranked(scores, RankBy::signed_score);
  roc.positives = static_cast<std::size_t>(std::count(truth.begin(), truth.end(), true));
  const auto positives = static_cast<double>(roc.positives);
  const double negatives = static_cast<double>(roc.all) - positives;
  double found = 0.0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto place = static_cast<std::size_t>(order[i]);
    found += truth[place] ? 1.0 : 0.0;
    const bool last_of_equals =
        i + 1 == order.size() || scores[static_cast<std::size_t>(order[i + 1])] != scores[place];
    if (!last_of_equals) {
      continue;
    }
    const RocPoint point{(static_cast<double>(i + 1) - found) / negatives, found / positives};
    roc.staircase +=
        (1.0 - point.false_positives) * (point.true_positives - roc.points.back().true_positives);
    if (const double lead = point.true_positives - point.false_positives; lead > roc.best) {
      roc.best = lead;
      roc.best_size = i + 1;
    }
    roc.points.push_back(point);
  }
  return roc;
}

double roc_by_sizes(const CircuitGraph& graph, const EdgeSet& truth, const EdgeSet& constant) {
  const auto positives = static_cast<double>(count(truth));
  const double negatives =
      static_cast<double>(truth.size()) - static_cast<double>(count(constant)) - positives;
  std::vector<RocPoint> points{{0.0, 0.0}};
  for (const double share : curve_shares()) {
    const auto size = static_cast<std::int64_t>(share * static_cast<double>(truth.size()) + 1e-9);
    const EdgeSet chosen = select_circuit(
        graph, size, graph.level == CircuitLevel::edge ? SelectBy::greedy : SelectBy::absolute_top);
    double hits = 0.0;
    double misses = 0.0;
    for (std::size_t edge = 0; edge < truth.size(); ++edge) {
      hits += truth[edge] && chosen[edge] ? 1.0 : 0.0;
      misses += !truth[edge] && !constant[edge] && chosen[edge] ? 1.0 : 0.0;
    }
    points.push_back({misses / negatives, hits / positives});
  }
  const double last = points.back().false_positives;
  double area = 0.0;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    area += (points[i + 1].false_positives - points[i].false_positives) *
            (points[i].true_positives + points[i + 1].true_positives) / 2.0;
  }
  return last > 0.0 ? area / last : kNoArea;
}

std::vector<double> best_edge_of_nodes(const CircuitGraph& graph) {
  const EdgeGraph& edges = graph.graph;
  std::vector<double> nodes(static_cast<std::size_t>(edges.n_writers()));
  for (std::int64_t reader = 0; reader < edges.n_readers(); ++reader) {
    const std::int64_t to = edges.writer_of_reader(reader);
    for (std::int64_t writer = 0; writer < edges.writers_before(reader); ++writer) {
      const double score =
          std::abs(graph.scores[static_cast<std::size_t>(edges.index(writer, reader))]);
      double& from = nodes[static_cast<std::size_t>(writer)];
      from = std::max(from, score);
      if (to >= 0) {
        nodes[static_cast<std::size_t>(to)] = std::max(nodes[static_cast<std::size_t>(to)], score);
      }
    }
  }
  return nodes;
}

}  // namespace headscope
