#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {

Detector induction_detector() {
  return {
      .name = "induction",
      .role = "induction head",
      .summary = "attends to the token behind the earlier copy of the token",
      .definition =
          "random tokens twice: mean over the second copy of A[i, i − (P − 1)], P = 50; "
          "control A[i, i − 37]",
      .source =
          "Olsson et al. 2022, arXiv:2209.11895; the stripe of TransformerLens's demonstration",
      .threshold = 0.4,
      .threshold_source = "ours: far above what the control scores; no cut-off is published",
      .reading =
          Reading{.probe = Probe::repeated,
                  .asks = {.offsets = {kPeriod - 1, kPeriod - 13}},
                  .score =
                      [](const ProbeView& view) {
                        return view.mean(view.offset(kPeriod - 1), 1 + kPeriod, 1 + 2 * kPeriod);
                      },
                  .control =
                      [](const ProbeView& view) {
                        return view.mean(view.offset(kPeriod - 13), 1 + kPeriod, 1 + 2 * kPeriod);
                      }},
      .behaviour = Probe(Probe::repeated),
  };
}

}  // namespace headscope
