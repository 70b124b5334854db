#include "analyses/steering/steer_method.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "analyses/metric/summary.h"
#include "analyses/steering/edit_taps.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

Json held_out_scores(const SteerRequest& request, const Steering& steering) {
  const Contrast contrast(request.held_out);
  const std::vector<double> before = contrast.scores(request.model, unchanged);
  const std::vector<double> after =
      contrast.scores(request.model, taps_of(request.model, steering.direction, steering.edits));
  std::vector<double> effect;
  for (std::size_t i = 0; i < before.size(); ++i) {
    effect.push_back(after[i] - before[i]);
  }
  const Summary summary = summarize(effect, {.seed = request.seed});
  Json out{{"items", before.size()}, {"before", mean_of(before)}, {"after", mean_of(after)}};
  if (summary.has_interval()) {
    out["effect_low"] = summary.low;
    out["effect_high"] = summary.high;
  }
  return out;
}

}  // namespace

std::vector<std::pair<std::string_view, bool>> named_settings(const SteerSettings& settings) {
  return {{"top", settings.top.has_value()},
          {"alpha", settings.alpha.has_value()},
          {"site", settings.site.has_value()},
          {"layers", settings.layers.has_value()},
          {"direction", settings.direction.has_value()},
          {"goal", settings.goal.has_value()},
          {"span", settings.span.has_value()},
          {"atlas", settings.atlas.has_value()},
          {"detector", settings.detector.has_value()},
          {"steps", settings.steps.has_value()},
          {"rate", settings.rate.has_value()},
          {"rank", settings.rank.has_value()},
          {"digits", settings.digits.has_value()},
          {"heads", settings.heads.has_value()}};
}

Steering fit_steering(const SteerMethod& method, const SteerRequest& request) {
  for (const auto& [name, given] : named_settings(request.settings)) {
    const bool read =
        std::find(method.reads.begin(), method.reads.end(), name) != method.reads.end();
    if (given && !read) {
      throw UsageError("{} does not read --{}; it reads --{}",
                       method.name,
                       name,
                       fmt::join(method.reads, ", --"));
    }
  }
  Steering steering = method.fit(request);
  if (request.held_out.kind == SteerData::Kind::continuations) {
    steering.direction.scores["held_out"] = held_out_scores(request, steering);
  }
  return steering;
}

}  // namespace headscope
