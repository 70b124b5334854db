// headscope detect, from its options to the atlas on screen and on disk.
#pragma once

#include <string>
#include <vector>

#include "analyses/head_detectors/confirm.h"
#include "cli/ranks.h"
#include "cli/verb.h"

namespace headscope {

struct DetectVerbOptions {
  std::string model;
  std::vector<std::string> detectors{"all"};
  std::vector<std::string> files;
  std::string out;
  std::string intervene;
  std::string trace;          // of the detectors' prompts, read instead of run; empty: they run
  std::string write_prompts;  // where to put those prompts, and do nothing else; empty: nowhere
  int seeds = 3;
  std::int64_t batch_tokens = 4096;
  bool list = false;
  bool resume = false;
  bool overwrite = false;
  bool confirm = false;
  ConfirmOptions confirmation;
  RankOptions ranks{};
  std::size_t top = 4;
};

// Throws Interrupted after Ctrl-C; and at last, when all is shown and saved, an error that names
// the detectors that failed or are undefined for the model.
void run_detect(const DetectVerbOptions& options, const Invocation& invocation);

}  // namespace headscope
