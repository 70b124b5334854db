// Heads by number, or out of a file that holds some.
#pragma once

#include <string>

namespace headscope {

// "23.3,23.0" as it is; of a file the heads in it, in that form:
//   LIST:10               the 10 highest of a list (analyses/head_lists/read_head_list.h)
//   ATLAS.h5:DETECTOR     those that have the detector's role; ATLAS.h5:DETECTOR:10 its 10 highest
//   CIRCUIT.json          those with an edge, or as nodes, in a circuit of `circuit find`
// Throws UsageError for a list without a number of heads, and for what has no heads; what reading
// the file throws.
std::string head_set_text(const std::string& text);

}  // namespace headscope
