// A detector's scores in an atlas as a list of heads, to be compared with others.
#pragma once

#include <string>

#include "analyses/head_lists/head_list.h"

namespace headscope {

// `where` is a list's file (read_head_list.h), or ATLAS.h5:DETECTOR. UsageError for an atlas
// without a detector, or one that it does not have or that did not run, naming those it has.
HeadList read_any_head_list(const std::string& where);

}  // namespace headscope
