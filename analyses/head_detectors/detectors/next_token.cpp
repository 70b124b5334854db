#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

std::string next_token_undefined(const Model& model) {
  return is_causal(model.config()) ? "no token sees the one behind it" : "";
}

}  // namespace

Detector next_token_detector() {
  return {
      .name = "next_token",
      .role = "next-token head",
      .summary = "attends to the token behind",
      .definition = "mean of A[i, i + 1] over all tokens of random text; control A[i, i + 7]",
      .source = "Clark et al. 2019, arXiv:1906.04341, section 3.1 (heads of BERT)",
      .threshold = 0.4,
      .threshold_source = "ours: as for the token before",
      .undefined = next_token_undefined,
      .sight = Detector::Sight::any,
      .reading = Reading{.probe = Probe::repeated,
                         .asks = {.offsets = {-1, -7}},
                         .score =
                             [](const ProbeView& view) {
                               return view.mean(view.offset(-1), 0, view.length() - 7);
                             },
                         .control =
                             [](const ProbeView& view) {
                               return view.mean(view.offset(-7), 0, view.length() - 7);
                             }},
  };
}

}  // namespace headscope
