// A model made to take more tokens than it was trained on.
#pragma once

#include <cstdint>

#include "lib/model/model.h"

namespace headscope {

// The same weights with a context of `n_ctx`, if that is more than its own. Throws UsageError for
// learned positions, of which there are no more than were trained.
Model beyond_context(const Model& model, std::int64_t n_ctx);

}  // namespace headscope
