// An atlas as people and programs read it.
#pragma once

#include <cstddef>
#include <string>

#include "analyses/head_detectors/atlas.h"
#include "cli/render/table.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// A row a detector: how many heads have the role, and the highest.
Table atlas_table(const Atlas& atlas, std::size_t top);

// A row a confirmation: what ablating the heads changes, and what random ones do.
Table confirmation_table(const Atlas& atlas);

// Both, and the detectors that are undefined with their reasons.
std::string atlas_text(const Atlas& atlas, std::size_t top);
OrderedJson atlas_json(const Atlas& atlas, std::size_t top);

// "17.4 0.92, 15.2 0.88"
std::string top_heads_text(const Detection& detection, std::size_t top);

Table detector_table();  // every detector there is: name, summary, source

}  // namespace headscope
