#include "analyses/circuit/discover.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "analyses/path_patching/path_runner.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::vector<Receiver> receivers_of(const DiscoveryStage& stage, const HeadCircuit& found) {
  if (stage.into.empty()) {
    return {Receiver()};
  }
  const HeadClass* into = found.find(stage.into);
  if (into == nullptr) {
    throw InternalError("{} is not a stage before {}", stage.into, stage.name);
  }
  std::vector<Receiver> receivers;
  for (const HeadId& head : into->heads) {
    receivers.push_back(Receiver::head(head, stage.input));
  }
  return receivers;
}

// The change of each cell's metric from the clean run's.
std::vector<Summary> summaries(const SweepTable& table, std::int64_t cells, std::uint64_t seed) {
  std::vector<Summary> all;
  for (std::int64_t cell = 0; cell < cells; ++cell) {
    std::vector<double> effects;
    for (std::size_t item = 0; item < table.clean().size(); ++item) {
      effects.push_back(table.value(cell, static_cast<std::int64_t>(item)) - table.clean()[item]);
    }
    all.push_back(summarize(effects, {.seed = seed}));
  }
  return all;
}

class Discoverer {
 public:
  Discoverer(const Model& model, const Task& task, const DiscoveryOptions& options)
      : model_(model), task_(task), options_(options) {}

  Discovery run() {
    for (const DiscoveryStage& stage : options_.stages) {
      if (!run_stage(stage)) {
        found_.stopped = true;
        break;
      }
    }
    return std::move(found_);
  }

 private:
  bool run_stage(const DiscoveryStage& stage);
  std::optional<std::vector<Summary>> effects_of(const DiscoveryStage& stage,
                                                 std::vector<Receiver> receivers);
  void sort_into_classes(const StageResult& result);
  void keep(const StageResult& result, const std::string& name, double sign);

  const Model& model_;
  const Task& task_;
  const DiscoveryOptions& options_;
  Discovery found_;
};

// What each head's paths to the receivers do to the metric; nothing if it was stopped.
std::optional<std::vector<Summary>> Discoverer::effects_of(const DiscoveryStage& stage,
                                                           std::vector<Receiver> receivers) {
  const Paths paths({.receivers = std::move(receivers), .positions = {stage.receivers_at}},
                    task_.items,
                    model_.config());
  const OtherRun source(Run::corrupted);
  const SweepSpec spec{.parts = {{Site::z, true}},
                       .positions = {stage.senders_at},
                       .into = Run::clean,
                       .source = &source,
                       .metric = options_.metric,
                       .runner = &paths};
  SweepOptions sweep{.memory = options_.memory};
  sweep.stop = options_.stop;
  if (options_.progress) {
    sweep.progress = [&](const SweepProgress& progress) { options_.progress(stage, progress); };
  }
  const std::int64_t cells = grid_of(model_, task_, spec).size();
  SweepTable table(cells, static_cast<std::int64_t>(task_.items.size()));
  if (!run_sweep(model_, task_, spec, sweep, table)) {
    return std::nullopt;
  }
  found_.clean = table.clean();
  found_.corrupted = table.corrupted();
  return summaries(table, cells, options_.seed);
}

bool Discoverer::run_stage(const DiscoveryStage& stage) {
  StageResult result{stage, {}};
  std::vector<Receiver> receivers = receivers_of(stage, found_.circuit);
  if (!receivers.empty()) {
    auto effects = effects_of(stage, std::move(receivers));
    if (!effects) {
      return false;
    }
    result.effects = {head_grid(model_.config()), std::move(*effects)};
  }
  sort_into_classes(result);
  found_.stages.push_back(std::move(result));
  return true;
}

void Discoverer::sort_into_classes(const StageResult& result) {
  // Without a head's paths the metric moves towards the corrupted run's: that head served it.
  const double way = mean_of(found_.corrupted) - mean_of(found_.clean);
  keep(result, result.stage.name, way < 0 ? -1.0 : 1.0);
  if (!result.stage.opposing.empty()) {
    keep(result, result.stage.opposing, way < 0 ? 1.0 : -1.0);
  }
}

void Discoverer::keep(const StageResult& result, const std::string& name, double sign) {
  const double whole = std::abs(mean_of(found_.clean) - mean_of(found_.corrupted));
  HeadClass kept{name, result.stage.senders_at, {}};
  const bool differ = normal_scale(found_.clean, found_.corrupted).has_value();
  for (const HeadId& head : result.effects.heads()) {
    const Summary& effect = result.effects[head];
    const bool clear = effect.low > 0 || effect.high < 0;
    if (differ && clear && sign * effect.mean >= options_.least * whole) {
      kept.heads.push_back(head);
      kept.effects[head] = effect;
    }
  }
  std::stable_sort(kept.heads.begin(), kept.heads.end(), [&](const HeadId& a, const HeadId& b) {
    return sign * kept.effects.at(a).mean > sign * kept.effects.at(b).mean;
  });
  kept.heads.resize(std::min(kept.heads.size(), options_.most));
  found_.circuit.classes.push_back(std::move(kept));
}

}  // namespace

std::vector<Edge> edges_of(const Discovery& found) {
  std::set<Edge> edges;
  for (const StageResult& result : found.stages) {
    if (result.effects.empty()) {
      continue;
    }
    for (const Receiver& receiver : receivers_of(result.stage, found.circuit)) {
      for (const std::string& name : {result.stage.name, result.stage.opposing}) {
        const HeadClass* kept = name.empty() ? nullptr : found.circuit.find(name);
        for (const HeadId& sender : kept == nullptr ? std::vector<HeadId>() : kept->heads) {
          edges.insert({Node::of(sender), receiver.node, receiver.input});
        }
      }
    }
  }
  return {edges.begin(), edges.end()};
}

Discovery discover(const Model& model, const Task& task, const DiscoveryOptions& options) {
  return Discoverer(model, task, options).run();
}

}  // namespace headscope
