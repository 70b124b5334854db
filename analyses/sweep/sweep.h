// One engine behind patching, path patching and ablation: a grid of cells, each a run with one
// thing changed, done in batches that run again only what the change can reach.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "analyses/metric/metric.h"
#include "analyses/sweep/grid.h"
#include "analyses/sweep/positions.h"
#include "analyses/sweep/row_runner.h"
#include "analyses/sweep/site_change.h"
#include "analyses/sweep/sweep_memory.h"
#include "analyses/sweep/sweep_sink.h"
#include "analyses/sweep/value_source.h"
#include "analyses/task/task.h"
#include "lib/base/block_source.h"
#include "lib/base/head_id.h"

namespace headscope {

// A site of every layer, each head a cell of its own or the whole.
struct SweptPart {
  Site site = Site::z;
  bool heads = true;
};

struct SweepSpec {
  std::vector<SweptPart> parts{{}};  // in the order the forward pass reaches them
  std::int64_t layer = -1;           // the only one with cells; −1: every layer
  bool over_positions = false;
  bool over_spans = false;  // with over_positions: the named spans of the items in place of tokens
  PositionChoice positions{};
  Run into = Run::corrupted;            // the run that is changed
  const ValueSource* source = nullptr;  // with variants: of one part without heads
  const Metric* metric = nullptr;
  const RowRunnerMaker* runner = nullptr;  // null: everything after the change runs again
  // Not empty: in place of a grid one cell, in which all of these heads of the one part are changed
  // at once. Such a sweep always runs plainly.
  std::vector<HeadId> together{};
};

struct Baselines;  // baselines.h

struct SweepProgress {
  std::int64_t done = 0;  // (cell, prompt) pairs, those found done included
  std::int64_t total = 0;
};

struct SweepOptions {
  std::int64_t memory = 0;  // bytes the sweep may take beside the weights
  // The batches to run in: those of a sweep that is gone on with. None: as large as memory allows.
  std::optional<SweepPlan> plan = {};
  // A model with a standing change is always swept plainly: the shortcuts form attention beside its
  // passes, where the change is not made.
  enum class Execution { shared, plain } execution = Execution::shared;
  std::int64_t first_cell = 0;  // the cells of this shard: [first_cell, end_cell)
  std::int64_t end_cell = -1;   // −1: to the last
  // Says which blocks to run: rows that run together, numbered through the batches of prompts, or
  // of what comes from one pass the batches themselves. Null: all, one after the other.
  BlockSource* blocks = nullptr;
  // Of this task and metric, where they are known already: the same bits as if computed here.
  const Baselines* baselines = nullptr;
  std::function<void(const SweepProgress&)> progress = {};
  std::function<bool()> stop = {};
};

// The cells of a spec. Throws UsageError for heads of a site that has none, positions of prompts of
// different lengths, a site or heads that the model lacks; InternalError for variants of more than
// one part.
Grid grid_of(const Model& model, const Task& task, const SweepSpec& spec);

// The batches that run_sweep() runs in. Throws what it would before its first pass.
SweepPlan check_sweep(const Model& model,
                      const Task& task,
                      const SweepSpec& spec,
                      const SweepOptions& options);

// Runs the cells `sink` does not have. Returns false if `stop` ended it early. Throws ResourceError
// if `memory` is too little for one cell, or for `plan`, naming what it needs; DataError if a
// metric is not a number, naming cell and item; UsageError for a plain run of a spec with a runner
// of its own.
bool run_sweep(const Model& model,
               const Task& task,
               const SweepSpec& spec,
               const SweepOptions& options,
               SweepSink& sink);

}  // namespace headscope
