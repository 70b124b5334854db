// One page of an atlas: layer × head coloured by role; click a head and see all that is known.
#pragma once

#include <filesystem>
#include <string>

#include "analyses/head_detectors/atlas.h"

namespace headscope {

// Self-contained and offline. `#head=17.4` in the address opens that head; arrow keys move.
void write_atlas_page(const Atlas& atlas, const std::filesystem::path& path);

// One line a detector and head: detector, layer, head, score, low, high, control, role, confirmed
// (0 or 1 each; control is empty where a detector has none).
std::string atlas_csv(const Atlas& atlas);

}  // namespace headscope
