#include "analyses/studies/circuit_input.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/suggest.h"
#include "lib/model/ungrouped.h"

namespace headscope {
namespace {

constexpr std::int64_t kKnownModelMemory = std::int64_t{1} << 28;

const std::vector<std::string>& study_task_names() {
  static const std::vector<std::string> names{"ioi", "greater-than", "docstring"};
  return names;
}

EdgeSet edges_by_name(const EdgeGraph& graph, const std::vector<std::string>& names) {
  EdgeSet set = no_edges(graph);
  for (const std::string& name : names) {
    set[static_cast<std::size_t>(graph.index(parse_edge(name)))] = true;
  }
  return set;
}

std::vector<HeadId> heads_at_ends(const std::vector<std::string>& edges) {
  std::set<HeadId> heads;
  for (const std::string& name : edges) {
    const Edge edge = parse_edge(name);
    for (const Node& node : {edge.from, edge.to}) {
      if (node.kind == Node::Kind::head) {
        heads.insert({node.layer, node.head});
      }
    }
  }
  return {heads.begin(), heads.end()};
}

}  // namespace

Task first_items(const Task& task, std::int64_t items) {
  Task first = task;
  first.items.resize(std::min(task.items.size(), static_cast<std::size_t>(items)));
  first.hash = hash_of(first.items);
  return first;
}

std::vector<const Reproduction*> study_tasks(const StudyOptions& options) {
  const std::vector<std::string>& names = study_task_names();
  std::vector<const Reproduction*> tasks;
  for (const std::string& asked : options.tasks.empty() ? names : options.tasks) {
    if (std::find(names.begin(), names.end(), asked) == names.end()) {
      throw UsageError("--tasks {}: no such task{}; there are {}",
                       asked,
                       did_you_mean(asked, names),
                       fmt::join(names, ", "));
    }
    tasks.push_back(&find_reproduction(asked));
  }
  return tasks;
}

Model model_in_memory(const KnownModel& known, const KnownModelParts& parts) {
  return Model({.config = parts.config,
                .weights = parts.weights,
                .tokenizer = nullptr,
                .device = {},
                .dtype = DType::f32,
                .source = {.name = std::string(known.name), .files = {}, .weights_hash = {}}});
}

KnownCircuit::KnownCircuit(const KnownModel& known, const char* metric)
    : parts(known.make()),
      input(ungrouped(model_in_memory(known, parts)),
            known_task(known, parts),
            find_metric(metric),
            kKnownModelMemory),
      heads(heads_at_ends(parts.truth.edges)),
      truth(edges_by_name(input.context.graph, parts.truth.edges)),
      constant(edges_by_name(input.context.graph, parts.truth.constant_edges)) {}

JudgedEdges judged_edges(const KnownCircuit& known, const std::vector<double>& scores) {
  JudgedEdges judged;
  for (std::size_t edge = 0; edge < scores.size(); ++edge) {
    if (!known.constant[edge]) {
      judged.scores.push_back(std::abs(scores[edge]));
      judged.truth.push_back(known.truth[edge]);
    }
  }
  return judged;
}

}  // namespace headscope
