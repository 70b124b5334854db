// Which chunks of a compressed dataset hold a part of one prompt.
#pragma once

#include <functional>

#include "hooks/trace/region.h"

namespace headscope {

// Calls visit(chunk begin, box) for every chunk of shape `chunk` that meets `region`; `box` is the
// part of the region inside the chunk, in the region's array.
void for_each_chunk(const Region& region,
                    const Sizes& chunk,
                    const std::function<void(const Sizes&, const Region&)>& visit);

}  // namespace headscope
