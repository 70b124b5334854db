// An atlas as a page, a table, arrays and pictures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/trace/export_target.h"

namespace headscope {

// ATLAS.h5 or ATLAS.h5:DETECTOR. html: the page; csv: all scores of all heads; npy [layer, head]
// f32 and png, svg, pdf: a file a detector that ran, OUT/<atlas>.<detector>.<format>. Throws
// UsageError for a detector that the atlas lacks, for one that did not run, and where a page or
// table is asked of one detector; what read_atlas() throws.
std::vector<std::filesystem::path> export_atlas(const std::string& which,
                                                const ExportTarget& target);

// "atlas.h5:induction" → "atlas.h5"; other names as they are.
std::filesystem::path atlas_path(const std::string& which);

}  // namespace headscope
