// Two atlases side by side: of two models, or of one at two times.
#pragma once

#include <string>

#include "analyses/head_detectors/atlas.h"

namespace headscope {

// A row a detector that ran in both: how the scores agree, and which heads have its role in both,
// in A alone and in B alone. Throws UsageError for models of different layers or heads, and for
// atlases without a detector in common.
std::string compared_atlases_text(const Atlas& a, const Atlas& b);
OrderedJson compared_atlases_json(const Atlas& a, const Atlas& b);

}  // namespace headscope
