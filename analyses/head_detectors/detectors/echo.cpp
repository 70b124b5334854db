#include "analyses/head_detectors/copies.h"
#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {

Detector echo_detector() {
  return {
      .name = "echo",
      .role = "echo head",
      .summary = "attends to all earlier copies of the token",
      .definition =
          "random tokens four times: Σ over earlier copies j of the token of A[i, j], mean "
          "over the tokens behind the first copy; control: 7 tokens further on",
      .source = "Tang et al. 2024 (RazorAttention), arXiv:2407.15891, section 3 (there P = 2500)",
      .threshold = 0.4,
      .threshold_source = "ours; the paper keeps the top 1 % of the model instead (see its rank)",
      .reading = Reading{.probe = Probe::repeated,
                         .asks = {.offsets = copies_of({0, -7})},
                         .score = [](const ProbeView& view) { return mass_on_copies(view, 0); },
                         .control = [](const ProbeView& view) { return mass_on_copies(view, -7); }},
      .behaviour = Probe(Probe::repeated),
  };
}

}  // namespace headscope
