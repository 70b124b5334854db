#include <optional>

#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {

Detector distance_detector() {
  return {
      .name = "distance",
      .role = "",
      .summary = "how far back a head looks, in tokens",
      .definition = "mean over the tokens i of documents of 512 of Σ_j A[i, j] (i − j)",
      .source = "Vig & Belinkov 2019, arXiv:1906.04284, section 4",
      .threshold = std::nullopt,
      .threshold_source = "",
      .reading =
          Reading{.probe = Probe::document,
                  .asks = {.distance = true},
                  .score = [](const ProbeView& view) { return view.mean(view.distance(), 0); }},
  };
}

}  // namespace headscope
