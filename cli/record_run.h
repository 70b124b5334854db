// record() as the command line runs it: with a progress bar, and stopped by Ctrl-C.
#pragma once

#include <filesystem>
#include <vector>

#include "hooks/record.h"

namespace headscope {

RecordResult record_with_progress(const Model& model,
                                  const std::vector<TracePrompt>& prompts,
                                  const std::filesystem::path& out,
                                  RecordOptions options);

}  // namespace headscope
