#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kRecent = 64;

Tensor streaming_uniform(const ProbeView& view) {
  const Tensor mass = view.window(kRecent);
  const Tensor seen = at::arange(1, view.length() + 1, mass.options());
  return view.mean((static_cast<double>(kRecent + 4) / seen).expand_as(mass), 256);
}

}  // namespace

Detector streaming_detector() {
  return {
      .name = "streaming",
      .role = "streaming head",
      .summary = "attends to the first tokens and the recent ones only; the others are global",
      .definition =
          "mean mass of the first 4 and the last 64 keys over tokens from 256 on of "
          "documents of 512; 1 less it is the mass a streaming cache would lose; control: "
          "what uniform attention would put there",
      .source =
          "Xiao et al. 2024 (DuoAttention), arXiv:2410.10819 (there a trained gate, sinks 16 to "
          "128, recent 64 to 256)",
      .threshold = 0.9,
      .threshold_source = "ours: what is lost is a tenth",
      .reading = Reading{.probe = Probe::document,
                         .asks = {.windows = {kRecent}, .spans = {"first four"}},
                         .score =
                             [](const ProbeView& view) {
                               return view.mean(view.window(kRecent) + view.span("first four"),
                                                256);
                             },
                         .control = [](const ProbeView& view) { return streaming_uniform(view); }},
      .behaviour = Probe(Probe::text),
  };
}

}  // namespace headscope
