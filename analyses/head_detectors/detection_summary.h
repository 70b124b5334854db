// From what a detector found to what a detection tells of it. For detect.cpp alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyses/head_detectors/detect.h"

namespace headscope {

// Mean and interval of each head, by a bootstrap drawn from `seed`; the control, samples and notes.
void summarise(Detection& detection, Finding finding, const HeadGrid& grid, std::uint64_t seed);

// The share of heads and samples at or above the threshold: of first_token_sink, Gu et al.'s Sink.
void note_share(Detection& detection);

// The means of each group of prompts; `groups` is that of each sample. None if there is one group.
void note_groups(Detection& detection,
                 const std::vector<std::string>& groups,
                 const HeadGrid& grid);

}  // namespace headscope
