// A circuit found backwards by path patching: the heads that write to the logits, then those that
// write what they read, and so on (Wang et al. 2022, arXiv:2211.00593, section 3).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analyses/circuit/head_circuit.h"
#include "analyses/sweep/sweep.h"
#include "lib/base/head_scores.h"
#include "lib/base/node.h"

namespace headscope {

// One step back.
struct DiscoveryStage {
  std::string name;                // of the heads whose lost paths lower the metric
  std::string opposing;            // of those that raise it; empty: not kept
  std::string into;                // the class whose inputs are patched; empty: the logits
  HeadInput input = HeadInput::q;  // of that class
  std::string receivers_at;        // where their inputs are replaced
  std::string senders_at;          // where senders are patched, and act
};

struct DiscoveryOptions {
  std::vector<DiscoveryStage> stages;
  const Metric* metric = nullptr;
  std::int64_t memory = 0;
  double least = 0.02;     // |effect| over |clean − corrupted|, to count
  std::size_t most = 10;   // heads a class
  std::uint64_t seed = 0;  // of the bootstrap
  std::function<void(const DiscoveryStage&, const SweepProgress&)> progress = {};
  std::function<bool()> stop = {};
};

// What one stage measured, whether it was large or not.
struct StageResult {
  DiscoveryStage stage;
  HeadTable<Summary> effects;  // on the metric; empty: nothing to read
};

struct Discovery {
  HeadCircuit circuit;
  std::vector<StageResult> stages;
  std::vector<double> clean, corrupted;  // the metric of every item
  bool stopped = false;
};

// Into the clean run, values of the corrupted one. Where the two runs' metrics hardly differ
// (normal_scale()) no head counts: there is nothing to share. Else a head counts if its effect's
// bootstrap interval excludes zero and it is at least options.least of what corruption does. Throws
// as run_sweep() and Paths do.
Discovery discover(const Model& model, const Task& task, const DiscoveryOptions& options);

// The edges whose patching showed the heads of found.circuit: from every head that a stage kept to
// each receiver of the stage, in order. A stage's receivers are patched together, so an edge is one
// of those that an effect went through, not one measured alone.
std::vector<Edge> edges_of(const Discovery& found);

}  // namespace headscope
