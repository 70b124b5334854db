#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kWindow = 8;

Tensor local_uniform(const ProbeView& view) {
  const Tensor mass = view.window(kWindow);
  const Tensor seen = at::arange(1, view.length() + 1, mass.options());
  return view.mean((static_cast<double>(kWindow) / seen).expand_as(mass), 64);
}

}  // namespace

Detector local_detector() {
  return {
      .name = "local",
      .role = "local head",
      .summary = "attends to the last few tokens",
      .definition =
          "mean mass of the last 8 keys, the token itself included, over tokens from 64 on "
          "of documents of 512; control: what uniform attention would put there",
      .source = "as in Xiao et al. 2024 (DuoAttention), arXiv:2410.10819, of a narrow window",
      .threshold = 0.5,
      .threshold_source = "ours: most of the attention",
      .reading = Reading{
          .probe = Probe::document,
          .asks = {.windows = {kWindow}},
          .score = [](const ProbeView& view) { return view.mean(view.window(kWindow), 64); },
          .control = [](const ProbeView& view) { return local_uniform(view); }},
      .behaviour = Probe(Probe::text),
  };
}

}  // namespace headscope
