#include "analyses/edges/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analyses/edges/circuit_values.h"
#include "analyses/edges/select.h"
#include "analyses/metric/summary.h"
#include "lib/base/error.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The circuits an evaluation needs, by their numbers in a list.
struct Planned {
  CircuitList list;
  std::size_t full = 0;
  std::size_t empty = 0;
  struct Curve {
    RankBy by;
    std::vector<std::size_t> circuits;
  };
  std::vector<Curve> curves;
  std::size_t chosen = 0;
  std::size_t complement = 0;
  struct Without {
    std::size_t circuit, model;
  };
  std::vector<Without> subsets;
  std::vector<std::pair<std::int64_t, std::size_t>> lost_nodes;
};

std::int64_t size_at(const CircuitGraph& graph, double share) {
  // A hair more, so that .001 of 1,000 is 1.
  return static_cast<std::int64_t>(share * static_cast<double>(graph.scores.size()) + 1e-9);
}

EdgeSet without_nodes(const EdgeGraph& graph, const EdgeSet& edges, const std::vector<bool>& out) {
  std::vector<bool> nodes(out.size());
  std::transform(out.begin(), out.end(), nodes.begin(), [](bool gone) { return !gone; });
  const EdgeSet among = edges_among(graph, nodes);
  EdgeSet left(edges.size());
  std::transform(edges.begin(), edges.end(), among.begin(), left.begin(), std::logical_and<>());
  return left;
}

std::vector<std::int64_t> heads_and_mlps(const EdgeGraph& graph, const EdgeSet& edges) {
  const std::vector<bool> nodes = nodes_of(graph, edges);
  std::vector<std::int64_t> list;
  for (std::size_t writer = 1; writer < nodes.size(); ++writer) {
    if (nodes[writer]) {
      list.push_back(static_cast<std::int64_t>(writer));
    }
  }
  return list;
}

void plan_curves(const CircuitGraph& graph, Planned& planned) {
  for (const RankBy by : {RankBy::signed_score, RankBy::absolute}) {
    Planned::Curve curve{by, {}};
    for (const double share : curve_shares()) {
      const SelectBy select =
          by == RankBy::signed_score ? SelectBy::signed_top : SelectBy::absolute_top;
      curve.circuits.push_back(
          planned.list.add(select_circuit(graph, size_at(graph, share), select)));
    }
    planned.curves.push_back(std::move(curve));
  }
}

void plan_chosen(const CircuitGraph& graph, const EvaluateOptions& options, Planned& planned) {
  const EdgeGraph& edges = graph.graph;
  planned.chosen = planned.list.add(graph.edges);
  EdgeSet complement = graph.edges;
  complement.flip();
  planned.complement = planned.list.add(complement);
  const std::vector<std::int64_t> nodes = heads_and_mlps(edges, graph.edges);
  Random random(options.seed, "completeness");
  for (std::int64_t i = 0; i < (nodes.empty() ? 0 : options.subsets); ++i) {
    std::vector<bool> out(static_cast<std::size_t>(edges.n_writers()));
    for (const std::int64_t node : random.sample(nodes, (nodes.size() + 1) / 2)) {
      out[static_cast<std::size_t>(node)] = true;
    }
    planned.subsets.push_back({planned.list.add(without_nodes(edges, graph.edges, out)),
                               planned.list.add(without_nodes(edges, all_edges(edges), out))});
  }
  for (const std::int64_t node :
       random.sample(nodes, static_cast<std::size_t>(options.minimality))) {
    std::vector<bool> out(static_cast<std::size_t>(edges.n_writers()));
    out[static_cast<std::size_t>(node)] = true;
    planned.lost_nodes.emplace_back(node, planned.list.add(without_nodes(edges, graph.edges, out)));
  }
}

// Means over items as drawn: each item counts as often as `times` says.
class DrawnMeans {
 public:
  DrawnMeans(const Planned& planned,
             const std::vector<std::vector<double>>& values,
             const std::vector<double>& times)
      : values_(values), times_(times), empty_(mean(planned.empty)), full_(mean(planned.full)) {}

  [[nodiscard]] double mean(std::size_t circuit) const {
    double sum = 0.0;
    double items = 0.0;
    for (std::size_t item = 0; item < times_.size(); ++item) {
      sum += times_[item] * values_[circuit][item];
      items += times_[item];
    }
    return sum / items;
  }
  [[nodiscard]] double f(std::size_t circuit) const {
    return (mean(circuit) - empty_) / (full_ - empty_);
  }

 private:
  const std::vector<std::vector<double>>& values_;
  const std::vector<double>& times_;
  double empty_, full_;
};

// The area under the curve over the shares.
double area(const std::vector<double>& heights) {
  const std::vector<double>& shares = curve_shares();
  double sum = 0.0;
  for (std::size_t i = 0; i + 1 < shares.size(); ++i) {
    sum += (shares[i + 1] - shares[i]) * (heights[i] + heights[i + 1]) / 2.0;
  }
  return sum;
}

// Everything that has an interval, in one order: of each curve the points, CPR and CMD; then the
// circuit and its complement.
std::vector<double> measured(const Planned& planned, const DrawnMeans& means) {
  std::vector<double> numbers;
  for (const Planned::Curve& curve : planned.curves) {
    std::vector<double> f, distance;
    for (const std::size_t circuit : curve.circuits) {
      f.push_back(means.f(circuit));
      distance.push_back(std::abs(1.0 - f.back()));
    }
    numbers.insert(numbers.end(), f.begin(), f.end());
    numbers.push_back(area(f));
    numbers.push_back(area(distance));
  }
  numbers.push_back(means.f(planned.chosen));
  numbers.push_back(means.f(planned.complement));
  return numbers;
}

std::vector<Interval> with_intervals(const Planned& planned,
                                     const std::vector<std::vector<double>>& values,
                                     const EvaluateOptions& options) {
  const std::size_t items = values.front().size();
  const std::vector<double> once(items, 1.0);
  std::vector<Interval> found;
  for (const double value : measured(planned, {planned, values, once})) {
    found.push_back({value, kNone, kNone});
  }
  if (items < 2) {
    return found;
  }
  Random random(options.seed, "evaluate");
  std::vector<std::vector<double>> drawn(found.size());
  for (std::int64_t i = 0; i < options.resamples; ++i) {
    std::vector<double> times(items);
    for (std::size_t item = 0; item < items; ++item) {
      times[random.below(items)] += 1.0;
    }
    const std::vector<double> numbers = measured(planned, {planned, values, times});
    for (std::size_t number = 0; number < numbers.size(); ++number) {
      drawn[number].push_back(numbers[number]);
    }
  }
  for (std::size_t number = 0; number < found.size(); ++number) {
    std::vector<double>& sorted = drawn[number];
    std::sort(sorted.begin(), sorted.end());
    const auto last = static_cast<double>(sorted.size() - 1);
    found[number].low = sorted[static_cast<std::size_t>(0.025 * last)];
    found[number].high = sorted[static_cast<std::size_t>(std::ceil(0.975 * last))];
  }
  return found;
}

void put_curves(const CircuitGraph& graph,
                const Planned& planned,
                const std::vector<Interval>& numbers,
                CircuitEvaluation& result) {
  auto next = numbers.begin();
  for (const Planned::Curve& curve : planned.curves) {
    FaithfulnessCurve found{.by = curve.by, .points = {}, .cpr = {}, .cmd = {}};
    for (std::size_t i = 0; i < curve.circuits.size(); ++i) {
      const double share = curve_shares()[i];
      found.points.push_back({.share = share,
                              .size = size_at(graph, share),
                              .edges = count(planned.list.circuits()[curve.circuits[i]]),
                              .faithfulness = *next++});
    }
    found.cpr = *next++;
    found.cmd = *next++;
    result.curves.push_back(std::move(found));
  }
  result.faithfulness = *next++;
  result.complement = *next++;
}

void put_chosen(const Planned& planned, const DrawnMeans& means, CircuitEvaluation& result) {
  for (const Planned::Without& subset : planned.subsets) {
    result.incompleteness += std::abs(means.f(subset.circuit) - means.f(subset.model)) /
                             static_cast<double>(planned.subsets.size());
  }
  for (const auto& [node, circuit] : planned.lost_nodes) {
    result.minimality.push_back({node, means.f(planned.chosen) - means.f(circuit)});
  }
  std::stable_sort(result.minimality.begin(),
                   result.minimality.end(),
                   [](const NodeLoss& a, const NodeLoss& b) { return a.loss < b.loss; });
}

}  // namespace

const std::vector<double>& curve_shares() {
  static const std::vector<double> kShares{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1.0};
  return kShares;
}

CircuitEvaluation evaluate_circuit(const CircuitContext& context,
                                   const CircuitGraph& graph,
                                   const EvaluateOptions& options) {
  Planned planned;
  planned.full = planned.list.add(all_edges(graph.graph));
  planned.empty = planned.list.add(no_edges(graph.graph));
  plan_curves(graph, planned);
  plan_chosen(graph, options, planned);
  const auto values =
      circuit_values(context,
                     planned.list.circuits(),
                     {.progress = options.progress, .stop = options.stop, .log = options.log});
  if (!normal_scale(values[planned.full], values[planned.empty])) {
    throw UsageError(
        "{} of the model ({:.3g}) and of the model with every edge cut ({:.3g}) is too close to "
        "tell what a circuit keeps of it; take a task the model does, or more items",
        context.scoring.metric().name,
        mean_of(values[planned.full]),
        mean_of(values[planned.empty]));
  }
  CircuitEvaluation result;
  result.full = mean_of(values[planned.full]);
  result.empty = mean_of(values[planned.empty]);
  result.edges = count(graph.edges);
  put_curves(graph, planned, with_intervals(planned, values, options), result);
  const std::vector<double> once(values.front().size(), 1.0);
  put_chosen(planned, {planned, values, once}, result);
  return result;
}

}  // namespace headscope
