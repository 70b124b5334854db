// Is what is in a trace what is asked for?
#pragma once

#include <filesystem>

#include "hooks/trace/trace_file.h"

namespace headscope {

// Throws a UsageError that names the first difference with both values: of the prompts, the
// datasets or a key of provenance["identity"].
void check_same_trace(const std::filesystem::path& path,
                      const TraceHeader& asked,
                      const TraceContents& found);

}  // namespace headscope
