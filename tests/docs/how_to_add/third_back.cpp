#include "analyses/head_detectors/detectors.h"

namespace headscope {

Detector third_back_detector() {
  return {
      .name = "third_back",
      .role = "third-back head",
      .summary = "attends three tokens back",
      .definition = "mean of A[i, i − 3] over the tokens of texts; control A[i, i − 9]",
      .source = "a test of ARCHITECTURE.md",
      .threshold = 0.3,
      .threshold_source = "ours",
      .reading = Reading{.probe = Probe::text,
                         .asks = {.offsets = {3, 9}},
                         .score = [](const ProbeView& v) { return v.mean(v.offset(3), 9); },
                         .control = [](const ProbeView& v) { return v.mean(v.offset(9), 9); }},
  };
}

}  // namespace headscope
