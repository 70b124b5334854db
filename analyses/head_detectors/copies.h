// Attention to the earlier copies of a token, or near them, on the probe of repeated tokens.
#pragma once

#include <vector>

#include "analyses/head_detectors/probe.h"

namespace headscope {

// The offsets of the keys so many tokens after each earlier copy.
std::vector<std::int64_t> copies_of(const std::vector<std::int64_t>& aheads);

// Their mass, summed over copies, mean over the tokens behind the first copy: [B, n_heads].
Tensor mass_on_copies(const ProbeView& view, std::int64_t ahead);

}  // namespace headscope
