// What every verb that sweeps a grid has in common: its options, the store, the bar, the table.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "analyses/sweep/sweep_job.h"
#include "cli/ranks.h"
#include "cli/verb.h"
#include "lib/base/json.h"

namespace headscope {

// What the command line alone is told, beside the method's request.
struct SweepVerbOptions {
  std::string model;
  std::string out;  // empty: nothing is kept
  bool resume = false;
  bool overwrite = false;
  bool per_prompt = false;
  std::string memory;  // "4GB"; empty: most of what is free
  std::string shard;   // "2/8", or "auto": as the launcher says; empty: all cells
  RankOptions ranks{};
  std::size_t top = 10;
  int repeats = 1;  // more: a benchmark, in memory
};

// What a verb says beside the table.
struct Appendix {
  OrderedJson json;  // its keys are added to the result's
  std::string text;
};

// A verb under way: what is asked for, by whom.
struct SweepVerbRun {
  SweepVerbOptions options;
  std::unique_ptr<SweepMethod> method;
  // What is left to do once the result is on disk; null: nothing.
  std::function<Appendix(const PlannedSweep& sweep, const Result& result)> appendix = {};
};

// The verb that runs the method of this name: its options, and what runs it once they are parsed.
std::function<void()> bind_sweep(CLI::App& app,
                                 const Invocation& invocation,
                                 const std::string& method);

void add_sweep_options(CLI::App& app, SweepVerbRun& run);

// Loads, sweeps and shows.
void run_sweep_verb(const Invocation& invocation, SweepVerbRun& run);

// --memory, or most of what is free: the rest is for what no estimate knows.
std::int64_t memory_for(const std::string& option, const Model& model);

// The same for a sweep that is gone on with: its batches stay, so that a little less that is free
// now does not stop it.
std::int64_t memory_if_begun(const std::string& option, const Model& model);

}  // namespace headscope
