#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kLeastSeen = kDocumentTokens / 4;
constexpr double kAlpha = 5.0;

Tensor beyond_the_first(const ProbeView& view) {
  const auto length = view.length();
  const Tensor mass = view.columns().narrow(2, 1, length - kLeastSeen);
  const Tensor seen = at::arange(length - 1, kLeastSeen - 1, -1, mass.options());
  const Tensor sinks = mass / seen > kAlpha / static_cast<double>(length);
  return (mass * sinks).sum(2) / static_cast<double>(length);
}

}  // namespace

Detector column_sinks_detector() {
  return {
      .name = "column_sinks",
      .role = "hidden sink",
      .summary = "attends to columns other than the first that everybody attends to",
      .definition =
          "mass on the columns t whose mean attention a_t = Σ_{i ≥ t} A[i, t] / (T − t) is "
          "above 5 / T, the first token left out, as a share of all; columns that fewer "
          "than T / 4 tokens see are left out, where a head that looks one token back "
          "would pass; documents of T = 512",
      .source = "Yu et al. 2024 (ACT), arXiv:2406.15765, section 3 (α = 5)",
      .threshold = 0.1,
      .threshold_source = "ours: a tenth of the attention",
      .reading = Reading{.probe = Probe::document,
                         .asks = {.columns = true},
                         .score = [](const ProbeView& view) { return beyond_the_first(view); }},
      .behaviour = Probe(Probe::text),
  };
}

}  // namespace headscope
