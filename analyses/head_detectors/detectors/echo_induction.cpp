#include "analyses/head_detectors/copies.h"
#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {

Detector echo_induction_detector() {
  return {
      .name = "echo_induction",
      .role = "RazorAttention induction head",
      .summary = "attends to the tokens behind all earlier copies of the token",
      .definition =
          "random tokens four times: Σ over earlier copies j of the token of A[i, j + 1], "
          "mean over the tokens behind the first copy; control: 13 tokens further on",
      .source = "Tang et al. 2024 (RazorAttention), arXiv:2407.15891, section 3 (there P = 2500)",
      .threshold = 0.4,
      .threshold_source = "ours; the paper keeps the top 14 % of the model instead (see its rank)",
      .reading = Reading{.probe = Probe::repeated,
                         .asks = {.offsets = copies_of({1, 13})},
                         .score = [](const ProbeView& view) { return mass_on_copies(view, 1); },
                         .control = [](const ProbeView& view) { return mass_on_copies(view, 13); }},
      .behaviour = Probe(Probe::repeated),
  };
}

}  // namespace headscope
