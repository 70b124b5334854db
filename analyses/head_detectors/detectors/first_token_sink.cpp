#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {

Detector first_token_sink_detector() {
  return {
      .name = "first_token_sink",
      .role = "attention sink",
      .summary = "attends to the first token",
      .definition =
          "α = mean over the 64 tokens i of A[i, first], the first included; control: the "
          "same of the second token",
      .source = "Gu et al. 2024, arXiv:2410.10781, section 2 (T = 64)",
      .threshold = 0.3,
      .threshold_source = "ε of the paper's metric; share_of_heads in the notes is its Sink",
      .sight = Detector::Sight::any,
      .reading = Reading{.probe = Probe::text,
                         .asks = {.first = true, .columns = true},
                         .score = [](const ProbeView& view) { return view.mean(view.first(), 0); },
                         .control =
                             [](const ProbeView& view) {
                               return view.columns().select(2, 1) /
                                      static_cast<double>(view.length() - 1);
                             }},
      .behaviour = Probe(Probe::text),
  };
}

}  // namespace headscope
