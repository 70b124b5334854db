// Detectors that look by themselves at weights, values or sweeps; each in a file of its name.
#pragma once

#include "analyses/head_detectors/detector.h"

namespace headscope {

Detector copying_detector();
Detector copying_score_detector();
Detector copy_suppression_detector();
Detector successor_detector();
Detector induction_copying_detector();
Detector composition_detector();
Detector importance_detector();
Detector ablation_detector();
Detector value_drain_detector();
Detector name_mover_detector();
Detector negative_mover_detector();
Detector arithmetic_detector();
Detector letter_mover_detector();
Detector retrieval_detector();

}  // namespace headscope
