#pragma once

namespace headscope {

// Which keys a query may see by where they stand: those up to its own, or all of the prompt.
enum class Visibility { causal, full };

}  // namespace headscope
