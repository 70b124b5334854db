#include "analyses/edges/stability.h"

#include <algorithm>

#include "analyses/edges/compare_circuits.h"
#include "lib/base/error.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

// f32: of 1.6 million edges and 100 items these are 640 MB.
using ItemScores = std::vector<std::vector<float>>;

ItemScores scores_by_item(const CircuitContext& context,
                          const CircuitMethod& method,
                          CircuitLevel level,
                          const CircuitSettings& of_all) {
  CircuitSettings settings = of_all;
  settings.progress = {};
  ItemScores by_item;
  const auto items = static_cast<std::int64_t>(context.task.items.size());
  for (const TaskItem& item : context.task.items) {
    Task one = context.task;
    one.items = {item};
    const std::vector<double> scores =
        circuit_scores(method, level, CircuitContext(context, one), settings);
    if (scores.empty()) {
      throw Interrupted();
    }
    by_item.emplace_back(scores.begin(), scores.end());
    if (of_all.progress) {
      of_all.progress(static_cast<std::int64_t>(by_item.size()), items);
    }
  }
  return by_item;
}

std::vector<double> mean_scores(const ItemScores& by_item, const std::vector<std::size_t>& drawn) {
  std::vector<double> mean(by_item.front().size());
  for (const std::size_t item : drawn) {
    for (std::size_t i = 0; i < mean.size(); ++i) {
      mean[i] += static_cast<double>(by_item[item][i]) / static_cast<double>(drawn.size());
    }
  }
  return mean;
}

template <typename Set>
std::vector<std::int64_t> members(const Set& set) {
  std::vector<std::int64_t> list;
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (set[i]) {
      list.push_back(static_cast<std::int64_t>(i));
    }
  }
  return list;
}

int sign_of(double score) {
  return score > 0 ? 1 : score < 0 ? -1 : 0;
}

// Throws UsageError unless the method's scores of the task's items can be resampled.
void check_resamples(const CircuitMethod& method, std::size_t items) {
  if (method.over_items != OverItems::mean) {
    throw UsageError(
        "--method {}: its scores are no means over items, so resamples of them are no "
        "resamples of prompts; take another method",
        method.name);
  }
  if (items < 2) {
    throw UsageError("one item cannot be resampled; take a task of more");
  }
}

}  // namespace

Stability circuit_stability(const CircuitContext& context,
                            const CircuitMethod& method,
                            CircuitLevel level,
                            const StabilityOptions& options) {
  const std::size_t items = context.task.items.size();
  check_resamples(method, items);
  const ItemScores by_item = scores_by_item(context, method, level, options.settings);
  CircuitGraph graph{.graph = context.graph, .level = level, .scores = {}, .edges = {}, .made = {}};
  std::vector<std::size_t> each(items);
  for (std::size_t i = 0; i < items; ++i) {
    each[i] = i;
  }
  Stability found;
  found.scores = mean_scores(by_item, each);
  found.in_circuit.resize(static_cast<std::size_t>(context.graph.n_edges()));
  found.same_sign.resize(found.scores.size());
  std::vector<std::vector<std::int64_t>> circuits, nodes;
  Random random(options.settings.seed, "bootstrap");
  const double share = 1.0 / static_cast<double>(options.bootstraps);
  for (std::int64_t b = 0; b < options.bootstraps; ++b) {
    std::vector<std::size_t> drawn(items);
    std::generate(drawn.begin(), drawn.end(), [&] { return random.below(items); });
    graph.scores = mean_scores(by_item, drawn);
    for (std::size_t i = 0; i < graph.scores.size(); ++i) {
      found.same_sign[i] += sign_of(graph.scores[i]) == sign_of(found.scores[i]) ? share : 0.0;
    }
    const EdgeSet circuit =
        select_circuit(graph, options.size, options.select, with_evidence(graph.scores));
    circuits.push_back(members(circuit));
    nodes.push_back(members(nodes_of(context.graph, circuit)));
    for (const std::int64_t edge : circuits.back()) {
      found.in_circuit[static_cast<std::size_t>(edge)] += share;
    }
  }
  found.jaccard = mean_pairwise_jaccard(circuits);
  found.node_jaccard = mean_pairwise_jaccard(nodes);
  return found;
}

}  // namespace headscope
