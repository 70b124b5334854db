// The page that `headscope demo` writes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "analyses/results/result_store.h"
#include "cli/demo/demo_knockout.h"
#include "hooks/trace/trace.h"
#include "lib/model/model.h"

namespace headscope {

struct DemoPage {
  std::filesystem::path folder;
  std::filesystem::path prompts;  // JSONL
  std::filesystem::path trace;
  std::filesystem::path viewer;
  std::filesystem::path page;
  std::filesystem::path task;   // of the sweep, JSONL
  std::filesystem::path sweep;  // its result
  std::string command_line;
};

// The heads that the demo knocks out, strongest first: those of the sweep that bring back most of
// the answer; without a sweep the one that attends most to the name.
std::vector<HeadId> heads_to_knock_out(const TraceReader& trace,
                                       const std::optional<Result>& sweep);

// Writes `viewer` and `page` from the finished trace, what the model wrote and, if there is one,
// the sweep; `model` names tokens only.
void write_demo_page(const DemoPage& files,
                     const Model& model,
                     const TraceReader& trace,
                     const DemoKnockout& knockout,
                     const std::optional<Result>& sweep);

}  // namespace headscope
