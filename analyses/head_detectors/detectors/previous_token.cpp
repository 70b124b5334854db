#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {

Detector previous_token_detector() {
  return {
      .name = "previous_token",
      .role = "previous-token head",
      .summary = "attends to the token before",
      .definition = "mean of A[i, i − 1] over all tokens of random text; control A[i, i − 7]",
      .source = "TransformerLens head_detector; Elhage et al. 2021, A Mathematical Framework",
      .threshold = 0.4,
      .threshold_source = "ours: far above what the control scores; no cut-off is published",
      .sight = Detector::Sight::any,
      .reading =
          Reading{.probe = Probe::repeated,
                  .asks = {.offsets = {1, 7}},
                  .score = [](const ProbeView& view) { return view.mean(view.offset(1), 7); },
                  .control = [](const ProbeView& view) { return view.mean(view.offset(7), 7); }},
      .behaviour = Probe(Probe::repeated),
  };
}

}  // namespace headscope
