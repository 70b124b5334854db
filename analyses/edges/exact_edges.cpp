#include "analyses/edges/exact_edges.h"

#include <algorithm>

#include "analyses/edges/task_circuits.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

// Circuits that are asked for together: what is logged, and what a stop waits for.
std::int64_t cuts_at_once(const Model& model) {
  return model.device().is_cuda() ? 512 : 64;
}

}  // namespace

std::vector<double> losses_of(const CircuitContext& context,
                              const CircuitSettings& settings,
                              std::int64_t cuts,
                              const std::function<EdgeSet(std::int64_t)>& circuit) {
  const TaskCircuits task(context);
  const double whole =
      logged_step(settings, 1, [&] { return task.means({all_edges(context.graph)}); }).front();
  const std::int64_t at_once = cuts_at_once(context.model);
  std::vector<double> scores;
  for (std::int64_t begin = 0; begin < cuts; begin += at_once) {
    if (settings.stop && settings.stop()) {
      return {};
    }
    std::vector<EdgeSet> circuits;
    for (std::int64_t i = begin; i < std::min(begin + at_once, cuts); ++i) {
      circuits.push_back(circuit(i));
    }
    for (const double mean :
         logged_step(settings, circuits.size(), [&] { return task.means(circuits); })) {
      scores.push_back(whole - mean);
    }
    if (settings.progress) {
      settings.progress(static_cast<std::int64_t>(scores.size()), cuts);
    }
  }
  return scores;
}

std::vector<double> losses_of_edges(const CircuitContext& context,
                                    const CircuitSettings& settings,
                                    const std::vector<std::int64_t>& edges) {
  const auto cuts = static_cast<std::int64_t>(edges.size());
  return losses_of(context, settings, cuts, [&](std::int64_t i) {
    EdgeSet circuit = all_edges(context.graph);
    circuit[static_cast<std::size_t>(edges[static_cast<std::size_t>(i)])] = false;
    return circuit;
  });
}

std::vector<std::int64_t> edges_to_check(const std::vector<double>& scores,
                                         std::int64_t size,
                                         std::uint64_t seed) {
  std::vector<std::int64_t> order = ranked(scores, RankBy::absolute);
  const std::int64_t wanted = std::min(size, static_cast<std::int64_t>(order.size()));
  const std::ptrdiff_t strongest = (wanted + 1) / 2;
  std::vector<std::int64_t> chosen(order.begin(), order.begin() + strongest);
  Random random(seed, "exact");
  const std::vector<std::int64_t> drawn =
      random.sample(std::vector<std::int64_t>(order.begin() + strongest, order.end()),
                    static_cast<std::size_t>(wanted - strongest));
  chosen.insert(chosen.end(), drawn.begin(), drawn.end());
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace headscope
