// Shapes, and the parts of them that are read or written.
#pragma once

#include <vector>

#include "hooks/stored/h5/handle.h"

namespace headscope::h5 {

using Dims = std::vector<hsize_t>;

Dataspace scalar_space();
Dataspace simple_space(const Dims& dims);
Dims dims_of(const Dataspace& space);

// Selects the `count` rows from `begin` on: [begin, begin + count) of the first axis, all of the
// others.
void select_rows(const Dataspace& space, hsize_t begin, hsize_t count);

}  // namespace headscope::h5
