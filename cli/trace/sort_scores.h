// Scores of heads out of a file, for a viewer to sort by.
#pragma once

#include <string>

#include "cli/render/html_viewer.h"

namespace headscope {

// `where`: a sweep's result over layers and heads (the size of its effects), a list of heads, or
// ATLAS.h5:DETECTOR. Throws UsageError for a result over other axes; what reading the file throws.
ViewerData::OwnScores sort_scores(const std::string& where);

}  // namespace headscope
