// record() as the command line runs it: with a progress bar, stopped by Ctrl-C, and only if the
// memory will do (ResourceError before anything is written).
#pragma once

#include <filesystem>
#include <vector>

#include "hooks/record.h"

namespace headscope {

RecordResult record_with_progress(const Model& model,
                                  const std::vector<Prompt>& prompts,
                                  const std::filesystem::path& out,
                                  RecordOptions options);

}  // namespace headscope
