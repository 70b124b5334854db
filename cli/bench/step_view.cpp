#include "cli/bench/step_view.h"

#include <fmt/format.h>

#include "lib/base/json.h"

namespace headscope {

std::string step_text(const StepTimes& steps, std::string_view change) {
  const auto percent = [](double ratio) { return 100.0 * (ratio - 1.0); };
  return fmt::format(
      "{} costs {:+.1f} % of a step [{:+.1f}, {:+.1f}]; {:.2f} GB of weights at {:.1f} "
      "GB/s, as fast as this memory is read, are {:.2f} ms: a step takes {:.2f} times that; {}",
      change,
      percent(steps.ratio.median),
      percent(steps.ratio.low),
      percent(steps.ratio.high),
      static_cast<double>(steps.read_bytes) / 1e9,
      steps.bytes_per_second / 1e9,
      steps.limit_ms(),
      steps.plain.median_ms / steps.limit_ms(),
      steps.passes.empty() ? "steps are replayed as one launch"
                           : "steps run one by one (" + steps.passes + ")");
}

OrderedJson step_json(const StepTimes& steps) {
  return {{"limit_ms", steps.limit_ms()},
          {"read_bytes", steps.read_bytes},
          {"memory_bytes_per_second", steps.bytes_per_second},
          {"changed_over_plain",
           {{"median", steps.ratio.median}, {"low", steps.ratio.low}, {"high", steps.ratio.high}}},
          {"passes", steps.passes}};
}

}  // namespace headscope
