#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {

Detector dormant_detector() {
  return {
      .name = "dormant",
      .role = "dormant head",
      .summary = "rests on the first token in some texts, and works in others",
      .definition =
          "share of texts in which the mean of A[i, first] over tokens from 8 on is at least "
          "0.9; the notes have it by domain: where domains differ the head is active in one "
          "and dormant in the other",
      .source = "Guo et al. 2024, arXiv:2410.13835, section 2 (the cut at 0.9 is ours)",
      .threshold = 0.5,
      .threshold_source = "ours: dormant in most texts",
      .reading = Reading{.probe = Probe::text,
                         .asks = {.first = true},
                         .score =
                             [](const ProbeView& view) {
                               return (view.mean(view.first(), 8) >= 0.9).to(at::kFloat);
                             }},
      .behaviour = Probe(Probe::text),
  };
}

}  // namespace headscope
