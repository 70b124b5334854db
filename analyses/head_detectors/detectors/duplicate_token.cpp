#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {

Detector duplicate_token_detector() {
  return {
      .name = "duplicate_token",
      .role = "duplicate-token head",
      .summary = "attends to the earlier copy of the token",
      .definition =
          "random tokens twice: mean over the second copy of A[i, i − P], P = 50; control "
          "A[i, i − 43]",
      .source = "TransformerLens head_detector; Wang et al. 2022, arXiv:2211.00593, section 3",
      .threshold = 0.4,
      .threshold_source = "ours: far above what the control scores; no cut-off is published",
      .sight = Detector::Sight::any,
      .reading = Reading{.probe = Probe::repeated,
                         .asks = {.offsets = {kPeriod, kPeriod - 7}},
                         .score =
                             [](const ProbeView& view) {
                               return view.mean(view.offset(kPeriod), 1 + kPeriod, 1 + 2 * kPeriod);
                             },
                         .control =
                             [](const ProbeView& view) {
                               return view.mean(
                                   view.offset(kPeriod - 7), 1 + kPeriod, 1 + 2 * kPeriod);
                             }},
      .behaviour = Probe(Probe::task, "ioi"),
  };
}

}  // namespace headscope
