#include "lib/generate/rotary_growth.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {

void check_rotary_growth(const Model& model, std::int64_t held, std::int64_t longest) {
  longest = std::min(longest, model.config().n_ctx);
  for (const RotaryAngles& angles : model.rotary_angles()) {
    if (longest <= held || angles.regime(longest) == angles.regime(held)) {
      continue;
    }
    const std::int64_t original = angles.rope().scaling.original_context;
    throw UsageError(
        "this model turns sequences of more than {} tokens otherwise than shorter ones, so a text "
        "of {} tokens cannot be written on to {}: {}",
        original,
        held,
        longest,
        held < original ? fmt::format("write at most {} tokens", original - held + 1)
                        : std::string("run texts of that length whole"));
  }
}

}  // namespace headscope
