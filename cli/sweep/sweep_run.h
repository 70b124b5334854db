// What every verb that sweeps a grid has in common: its options, the store, the bar, the table.
#pragma once

#include <functional>
#include <string>

#include "analyses/sweep/sweep.h"
#include "cli/verb.h"
#include "lib/base/json.h"

namespace headscope {

struct SweepVerbOptions {
  std::string model;
  std::string task;
  std::string out;  // empty: nothing is kept
  bool resume = false;
  bool overwrite = false;
  bool plain = false;
  bool per_prompt = false;
  bool skip_unfit = false;
  std::string metric = "logit_diff";
  std::string positions = "all";
  std::string memory;  // "4GB"; empty: most of what is free
  std::string intervene;
  std::string shard;  // "2/8"; empty: all cells
  PrependBos bos = PrependBos::automatic;
  std::size_t top = 10;
  int repeats = 1;  // more: a benchmark, in memory
};

void add_sweep_options(CLI::App& app, SweepVerbOptions& options);
// The same without --plain and --shard, for a method that has all cells from one pass.
void add_grid_options(CLI::App& app, SweepVerbOptions& options);

// A sweep about to run, or just run.
struct SweepInHand {
  const Model& model;
  const Task& task;
  const SweepSpec& spec;
  const SweepOptions& options;
};

// What a verb says beside the table.
struct Appendix {
  OrderedJson json;  // its keys are added to the result's
  std::string text;
};

// What one verb adds. `identity` is everything of its options that changes values.
struct SweepVerb {
  std::string kind;   // "patch"
  std::string title;  // "z of corrupted ← clean"
  Json identity;
  std::function<SweepSpec(const Model& model, const Task& task)> spec;
  // Throws what execute() would before its first pass. By default check_sweep().
  std::function<void(const SweepInHand& sweep)> check = {};
  // Fills the grid; false if it was interrupted. By default run_sweep().
  std::function<bool(const SweepInHand& sweep, SweepSink& sink)> execute = {};
  std::function<Appendix(const SweepInHand& sweep, const Result& result)> appendix = {};
  // Stored: every pass was made when the traces were recorded, so that interventions fire in none.
  enum class Passes { made, stored } passes = Passes::made;
};

// Loads, sweeps and shows. In a session: takes what that holds, and leaves its outcome there.
void run_sweep_verb(const Invocation& invocation,
                    const SweepVerbOptions& options,
                    const SweepVerb& verb);

// --memory, or most of what is free: the rest is for what no estimate knows.
std::int64_t memory_for(const std::string& option, const Model& model);

// "4GB", "4gb", "512 MB", "1.5GiB", "1000000" → bytes. UsageError for anything else.
std::int64_t parse_bytes(const std::string& text);

// "layer", "layer,head", "layer,pos", "layer,head,pos".
struct OverAxes {
  bool heads = false;
  bool positions = false;
};
OverAxes parse_over(const std::string& text);

}  // namespace headscope
