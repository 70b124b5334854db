#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kFrom = 8;

Tensor by_share(const ProbeView& view) {
  const Tensor keys = view.keys_in("delimiter");
  const Tensor seen = at::arange(0, view.length(), keys.options()).clamp_min(1.0);
  return view.mean((1.0 - view.first()) * keys.cumsum(2) / seen, kFrom);
}

}  // namespace

Detector delimiter_detector() {
  return {
      .name = "delimiter",
      .role = "delimiter head",
      .summary = "attends to punctuation and line ends",
      .definition =
          "mean mass on delimiters (tokens of punctuation, line ends) over tokens from 8 on; "
          "control: the mass behind the first token, times the share of delimiters there",
      .source = "Clark et al. 2019, arXiv:1906.04341, section 3.2, for a causal model",
      .threshold = 0.4,
      .threshold_source = "ours: several times their share of the text",
      .reading = Reading{
          .probe = Probe::text,
          .asks = {.spans = {"delimiter"}, .first = true},
          .score = [](const ProbeView& view) { return view.mean(view.span("delimiter"), kFrom); },
          .control = [](const ProbeView& view) { return by_share(view); }},
      .behaviour = Probe(Probe::text),
  };
}

}  // namespace headscope
