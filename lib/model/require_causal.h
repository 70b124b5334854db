// What has a meaning only where no token sees those behind it.
#pragma once

#include <string_view>

#include "lib/base/error.h"
#include "lib/model/config.h"

namespace headscope {

// Throws UsageError naming `what` ("niah") unless is_causal().
inline void require_causal(const ModelConfig& config, std::string_view what) {
  if (!is_causal(config)) {
    throw UsageError(
        "{}: tokens of a {} see those behind them too, so they do not say what comes next; "
        "`predict`, and tasks with a [MASK], ask for the token there",
        what,
        config.family);
  }
}

}  // namespace headscope
