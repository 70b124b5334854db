// Detectors that read attention, from a trace of their prompts: its patterns, or the statistics
// that were recorded in their place.
#pragma once

#include <string>
#include <vector>

#include "analyses/head_detectors/probe_pass.h"
#include "hooks/stored_run.h"

namespace headscope {

// What attention_statistics() gives of a pattern [B, n_heads, T, S]: offsets, windows, spans,
// first, entropy, distance and columns, f32. lse, which no pattern tells, is NaN.
AttentionStatistics statistics_of_pattern(const Tensor& pattern, const StatisticsRequest& request);

// For ProbePassOptions::statistics. The trace outlives what it returns, and holds what
// check_stored_probes() asks for.
StatisticsOf statistics_of_trace(const StoredRun& stored);

// The prompts that detectors with a reading look at, each once: what a trace for them must hold.
// Detectors whose prompts the model cannot hold add none.
std::vector<Prompt> prompts_of_readings(const std::vector<Detector>& detectors,
                                        const Model& model,
                                        const std::vector<std::uint64_t>& seeds);

// Throws UsageError naming the detector for one without a reading (it runs the model itself), and
// for one whose patterns, or statistics, or prompts are not in the trace; the message says which
// commands record them, `write_prompts` being the one that writes the prompts.
void check_stored_probes(const StoredRun& stored,
                         const std::vector<Detector>& detectors,
                         const Model& model,
                         const std::vector<std::uint64_t>& seeds,
                         const std::string& write_prompts);

}  // namespace headscope
