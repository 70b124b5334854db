// A detection as JSON without the detector, for the logs of ranks: every number to its last bit.
#pragma once

#include "analyses/head_detectors/detect.h"

namespace headscope {

// Without its seconds, which differ from run to run.
Json detection_json(const Detection& detection);

// Of `detector`, whose json it must be; DataError if it is of another.
Detection detection_of(const Json& json, const Detector& detector, const HeadGrid& grid);

}  // namespace headscope
