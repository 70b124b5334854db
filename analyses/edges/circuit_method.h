// A way to score edges or nodes, as data: --help and docs are printed from the list.
#pragma once

#include <span>
#include <string_view>

#include "analyses/edges/circuit_context.h"
#include "analyses/edges/circuit_graph.h"
#include "analyses/edges/step_log.h"

namespace headscope {

struct CircuitSettings {
  std::int64_t steps = 5;  // of integrated gradients
  std::uint64_t seed = 0;  // of random
  // Of acdc: what an edge must be worth to stay, in units of the metric, ascending.
  std::vector<double> thresholds{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0};
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
  std::function<bool()> stop = {};
  StepLog* log = nullptr;  // of what is finished; read by methods with Resumes::yes alone
};

// Whether a method that was stopped goes on where it was.
enum class Resumes { no, yes };

// mean: the scores of a task are the mean of those of its items, each by itself.
enum class OverItems { mean, together };

struct CircuitMethod {
  std::string_view name;
  std::string_view summary;
  std::string_view definition;  // in formulas
  std::string_view source;
  // Scores: [n_edges], or [n_writers]; larger is more of the circuit. Empty if settings.stop ended
  // it. Null: not at this level.
  std::vector<double> (*edges)(const CircuitContext& context, const CircuitSettings& settings);
  std::vector<double> (*nodes)(const CircuitContext& context, const CircuitSettings& settings);
  OverItems over_items = OverItems::mean;
  Resumes resumes = Resumes::no;
  std::string_view limit = {};  // what it cannot find by how it is made, and why
};

std::span<const CircuitMethod> all_circuit_methods();

// Throws UsageError with the nearest names.
const CircuitMethod& find_circuit_method(const std::string& name);

// settings.log->step(), or `compute()` where nothing is kept.
std::vector<double> logged_step(const CircuitSettings& settings,
                                std::size_t size,
                                const std::function<std::vector<double>()>& compute);

// Throws UsageError if the method has no scores at that level, and DataError for scores that are no
// number.
std::vector<double> circuit_scores(const CircuitMethod& method,
                                   CircuitLevel level,
                                   const CircuitContext& context,
                                   const CircuitSettings& settings);

}  // namespace headscope
