// ACDC over a sweep of thresholds, whose searches run side by side.
#include "analyses/edges/acdc.h"

#include <algorithm>
#include <cmath>

#include "analyses/edges/methods.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

// One round: what every search asks for, run together.
void decide_together(const TaskCircuits& task,
                     const CircuitSettings& settings,
                     std::vector<AcdcSearch>& searches) {
  std::vector<EdgeSet> circuits;
  std::vector<std::size_t> sizes;
  for (const AcdcSearch& search : searches) {
    const std::vector<EdgeSet> asked = search.candidates();
    sizes.push_back(asked.size());
    circuits.insert(circuits.end(), asked.begin(), asked.end());
  }
  const std::vector<double> means =
      logged_step(settings, circuits.size(), [&] { return task.means(circuits); });
  auto next = means.begin();
  for (std::size_t i = 0; i < searches.size(); ++i) {
    const auto end = next + static_cast<std::ptrdiff_t>(sizes[i]);
    if (!searches[i].done()) {
      searches[i].decide({next, end});
    }
    next = end;
  }
}

std::int64_t visited_by(const std::vector<AcdcSearch>& searches) {
  std::int64_t visited = 0;
  for (const AcdcSearch& search : searches) {
    visited += search.visited();
  }
  return visited;
}

std::vector<double> acdc_edges(const CircuitContext& context, const CircuitSettings& settings) {
  const std::vector<double>& thresholds = settings.thresholds;
  const auto positive = [](double threshold) { return threshold > 0 && std::isfinite(threshold); };
  if (thresholds.empty() || !std::all_of(thresholds.begin(), thresholds.end(), positive) ||
      !std::is_sorted(thresholds.begin(), thresholds.end())) {
    throw UsageError("--thresholds are positive and ascending, as in 0.01,0.1");
  }
  const TaskCircuits task(context);
  const double whole =
      logged_step(settings, 1, [&] { return task.means({all_edges(context.graph)}); }).front();
  std::vector<AcdcSearch> searches;
  for (const double threshold : thresholds) {
    searches.emplace_back(context.graph, threshold, whole);
  }
  const std::int64_t total = context.graph.n_edges() * static_cast<std::int64_t>(searches.size());
  while (visited_by(searches) < total) {
    if (settings.stop && settings.stop()) {
      return {};
    }
    decide_together(task, settings, searches);
    if (settings.progress) {
      settings.progress(visited_by(searches), total);
    }
  }
  std::vector<double> scores(static_cast<std::size_t>(context.graph.n_edges()));
  for (const AcdcSearch& search : searches) {
    for (std::size_t edge = 0; edge < scores.size(); ++edge) {
      scores[edge] = search.circuit()[edge] ? search.threshold() : scores[edge];
    }
  }
  return scores;
}

}  // namespace

CircuitMethod acdc_method() {
  return {.name = "acdc",
          .summary = "from the logits back, edges are cut for good that lose less than a threshold",
          .definition = "the largest of --thresholds at which the edge is kept; 0: at none",
          .source = "Conmy et al. 2023, arXiv:2304.14997, algorithm 1",
          .edges = acdc_edges,
          .nodes = nullptr,
          .over_items = OverItems::together,
          .resumes = Resumes::yes};
}

}  // namespace headscope
