// One page of an atlas: layer × head coloured by role; click a head and see all that is known.
#pragma once

#include <filesystem>

#include "analyses/head_detectors/atlas.h"

namespace headscope {

// Self-contained and offline. `#head=17.4` in the address opens that head; arrow keys move.
void write_atlas_page(const Atlas& atlas, const std::filesystem::path& path);

}  // namespace headscope
