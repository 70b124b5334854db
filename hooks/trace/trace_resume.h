// Is what is in a trace what is asked for?
#pragma once

#include <filesystem>

#include "hooks/trace/trace_file.h"

namespace headscope {

// Throws a UsageError of one line that names the first difference: a field of
// provenance["identity"] (of the config, the field itself) with both values, then what is other
// about the prompts, then a dataset as stored there and as asked for.
void check_same_trace(const std::filesystem::path& path,
                      const TraceHeader& asked,
                      const TraceContents& found);

}  // namespace headscope
