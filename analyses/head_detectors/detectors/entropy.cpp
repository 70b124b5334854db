#include <optional>

#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {

Detector entropy_detector() {
  return {
      .name = "entropy",
      .role = "",
      .summary = "how wide a head looks: entropy over its largest possible value",
      .definition =
          "mean over tokens i ≥ 1 of documents of −Σ_j A ln A / ln(i + 1): 0 one key, 1 all "
          "alike",
      .source = "Zhang et al. 2024 (Entropy-ABF), arXiv:2401.07004; Vig & Belinkov 2019",
      .threshold = std::nullopt,
      .threshold_source = "",
      .reading = Reading{.probe = Probe::document,
                         .asks = {.entropy = true},
                         .score =
                             [](const ProbeView& view) {
                               const Tensor entropy =
                                   view.entropy().narrow(2, 1, view.length() - 1);
                               const Tensor most =
                                   at::arange(2, view.length() + 1, entropy.options()).log();
                               return (entropy / most).mean(2);
                             }},
  };
}

}  // namespace headscope
