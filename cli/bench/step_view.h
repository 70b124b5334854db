// Steps of decoding that were timed, in words and for programs.
#pragma once

#include <string>
#include <string_view>

#include "analyses/bench/step_bench.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// What `change`, as "a head scaled", costs, and what of the memory's rate a step reaches.
std::string step_text(const StepTimes& steps, std::string_view change);

// {"limit_ms", "read_bytes", "memory_bytes_per_second", "changed_over_plain": {"median", "low",
// "high"}, "passes"}
nlohmann::ordered_json step_json(const StepTimes& steps);

}  // namespace headscope
