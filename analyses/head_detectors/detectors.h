// Every detector that reads attention statistics; all.cpp has the list.
#pragma once

#include "analyses/head_detectors/detector.h"

namespace headscope {

Detector previous_token_detector();
Detector next_token_detector();
Detector duplicate_token_detector();
Detector induction_detector();
Detector echo_detector();
Detector echo_induction_detector();
Detector local_detector();
Detector streaming_detector();
Detector delimiter_detector();
Detector first_token_sink_detector();
Detector column_sinks_detector();
Detector dormant_detector();
Detector entropy_detector();
Detector distance_detector();
Detector subject_detector();

}  // namespace headscope
