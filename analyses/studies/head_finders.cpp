#include "analyses/studies/head_finders.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "analyses/discrete_codes/head_features.h"
#include "analyses/edges/truth.h"
#include "analyses/metric/auc.h"
#include "lib/base/error.h"
#include "lib/base/ordered_json.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

Json auc_of(const HeadScores& scores, const std::vector<HeadId>& known) {
  std::vector<bool> truth(scores.size(), false);
  for (const HeadId& head : known) {
    truth[scores.grid.index_of(head)] = true;
  }
  const double auc = roc_auc(scores.values, truth);
  return std::isfinite(auc) ? Json(auc) : Json();
}

HeadScores heads_of_writers(const CircuitContext& context, const std::vector<double>& writers) {
  HeadScores scores(head_grid(context.model.config()));
  for (const HeadId& head : scores.heads()) {
    scores[head] =
        std::abs(writers[static_cast<std::size_t>(context.graph.writer(Node::of(head)))]);
  }
  return scores;
}

}  // namespace

HeadScores head_scores_by(const CircuitMethod& method,
                          const CircuitContext& context,
                          const CircuitSettings& settings) {
  const CircuitLevel level = method.nodes == nullptr ? CircuitLevel::edge : CircuitLevel::node;
  std::vector<double> scores = circuit_scores(method, level, context, settings);
  if (scores.empty()) {
    throw Interrupted();
  }
  if (level == CircuitLevel::edge) {
    scores = best_edge_of_nodes({.graph = context.graph,
                                 .level = level,
                                 .scores = std::move(scores),
                                 .edges = {},
                                 .made = {}});
  }
  return heads_of_writers(context, scores);
}

Json judged_by_method(const CircuitMethod& method,
                      const CircuitContext& context,
                      const CircuitSettings& settings,
                      const std::vector<HeadId>& known) {
  const Stopwatch watch;
  const HeadScores scores = head_scores_by(method, context, settings);
  return {{"auc", auc_of(scores, known)},
          {"seconds", watch.seconds()},
          {"prompts", context.task.items.size()}};
}

Json judged_by_codes(const Model& model,
                     const Task& task,
                     const CodeCircuitOptions& codes,
                     const std::vector<HeadId>& known,
                     const std::function<bool()>& stop) {
  const Stopwatch watch;
  const at::Device device = to_torch(model.device());
  const HeadFeatureOptions features{.stop = stop};
  const CodeExamples examples{
      head_grid(model.config()),
      head_features(model, task.items, Run::clean, features).to(device),
      head_features(model, task.items, Run::corrupted, features).to(device)};
  CodeCircuitOptions options = codes;
  options.examples = std::min(options.examples, 2 * static_cast<std::int64_t>(task.items.size()));
  options.sae.stop = stop;
  Json found{{"nodes", Json()}, {"edges", Json()}, {"prompts", task.items.size()}};
  try {
    const CodeCircuit circuit = code_circuit(examples, options);
    found["nodes"] = auc_of(circuit.nodes, known);
    found["edges"] = auc_of(circuit.edge_nodes, known);
  } catch (const UsageError& error) {  // one code for everything: nothing was learned
    found["failed"] = error.what();
  }
  found["seconds"] = watch.seconds();
  return found;
}

}  // namespace headscope
