// A task of a model, or a known model and its task, ready for methods that find circuits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analyses/circuit/reproductions.h"
#include "analyses/edges/circuit_context.h"
#include "analyses/edges/circuit_mask.h"
#include "analyses/known_models/known_model.h"
#include "analyses/studies/study.h"

namespace headscope {

// `model` has keys and values for every query head; `task` its prompts.
struct CircuitOfTask {
  Model model;
  Task task;
  CircuitContext context;  // of both, so that this is not moved

  CircuitOfTask(Model of, Task by, const Metric& metric, std::int64_t memory)
      : model(std::move(of)),
        task(std::move(by)),
        context(model, task, metric, CircuitAblation::corrupted, memory) {}
  CircuitOfTask(const CircuitOfTask&) = delete;
  CircuitOfTask& operator=(const CircuitOfTask&) = delete;
};

// The first `items`, or all if there are fewer.
Task first_items(const Task& task, std::int64_t items);

// The tasks of circuits that studies ask about: ioi, greater-than, docstring, or those of them
// named by options.tasks. UsageError for another name.
std::vector<const Reproduction*> study_tasks(const StudyOptions& options);

// A known model, its task by the difference of logits, and its truth.
struct KnownCircuit {
  explicit KnownCircuit(const KnownModel& known, const char* metric = "logit_diff");

  KnownModelParts parts;
  CircuitOfTask input;
  std::vector<HeadId> heads;  // of the truth, each once
  EdgeSet truth;              // [n_edges]
  EdgeSet constant;           // edges that hold the same values in both runs: count as neither
};

// The weights in memory as a model on the CPU, without a tokenizer.
Model model_in_memory(const KnownModel& known, const KnownModelParts& parts);

// truth and scores without the edges that count as neither.
struct JudgedEdges {
  std::vector<double> scores;
  std::vector<bool> truth;
};
JudgedEdges judged_edges(const KnownCircuit& known, const std::vector<double>& scores);

}  // namespace headscope
