// Detectors that look by themselves at weights, values or sweeps; each in a file of its name.
#pragma once

#include "analyses/head_detectors/detector.h"

namespace headscope {

Detector copying_detector();
Detector copying_score_detector();
Detector copy_suppression_detector();
Detector successor_detector();
Detector composition_detector();

}  // namespace headscope
