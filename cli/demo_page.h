// The page that `headscope demo` writes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hooks/trace/trace.h"
#include "lib/model/model.h"

namespace headscope {

struct DemoPage {
  std::filesystem::path folder;
  std::filesystem::path prompts;  // JSONL
  std::filesystem::path trace;
  std::filesystem::path viewer;
  std::filesystem::path page;
  std::string command_line;
};

// Writes `viewer` and `page` from the finished trace; `model` names tokens only.
void write_demo_page(const DemoPage& files, const Model& model, const TraceReader& trace);

}  // namespace headscope
