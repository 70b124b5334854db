// Traces of the same recording, each of some of its prompts, made one.
#pragma once

#include <filesystem>
#include <vector>

namespace headscope {

// Puts into the trace `out` what it lacks and the parts have. Where there is none the part with the
// most prompts becomes it, so that its values are not copied. `compress`: deflate level 0–9 of what
// is then whole. A kill at any moment loses nothing: call it again with the parts that are left.
// Throws UsageError naming a part of another recording, ResourceError for a full disk.
void join_traces(const std::vector<std::filesystem::path>& parts,
                 const std::filesystem::path& out,
                 int compress);

}  // namespace headscope
