// Contexts of edges over the tiny models.
#pragma once

#include <memory>

#include "analyses/edges/circuit_context.h"
#include "analyses/edges/circuit_values.h"
#include "analyses/metric/summary.h"
#include "lib/model/ungrouped.h"
#include "tests/support/fixture.h"
#include "tests/sweep/tasks_of_tokens.h"

namespace headscope::test {

constexpr std::int64_t kEdgeMemory = 1 << 28;

struct EdgeFixture {
  Model model;
  Task task;
  CircuitContext context;

  EdgeFixture(const Model& grouped,
              CircuitAblation ablation,
              RandomTask of = {.lengths = {7, 7, 6}, .differ_from = {2, 3, 4}},
              std::int64_t memory = kEdgeMemory,
              const char* metric = "logit_diff")
      : model(ungrouped(grouped)),
        task([&] {
          of.d_vocab = grouped.config().d_vocab;
          return random_task(of);
        }()),
        context(model, task, find_metric(metric), ablation, memory) {}
  EdgeFixture(const EdgeFixture&) = delete;
  EdgeFixture& operator=(const EdgeFixture&) = delete;
};

// The metric's mean where the circuit alone is run.
inline double mean_in(const CircuitContext& context, const EdgeSet& circuit) {
  return mean_of(circuit_values(context, {circuit}, {}).front());
}

}  // namespace headscope::test
