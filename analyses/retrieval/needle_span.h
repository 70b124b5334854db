// Where a needle ended up in a prompt once the prompt was tokenised as a whole.
#pragma once

#include <optional>
#include <vector>

#include "hooks/trace/trace_schema.h"

namespace headscope {

// The first window of needle.size() tokens whose set holds more than 0.9 of the needle's distinct
// tokens (the rule of Wu et al. 2024: a needle tokenised alone may differ at its ends from the same
// text inside a prompt). Nothing if there is none.
std::optional<Span> find_needle(const std::vector<std::int32_t>& prompt,
                                const std::vector<std::int32_t>& needle);

}  // namespace headscope
