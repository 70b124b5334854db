#include "cli/steer/steer_chart.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "analyses/metric/summary.h"
#include "cli/render/dot_chart.h"
#include "lib/base/counted.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

double number_or_nan(const Json& json) {
  return json.is_number() ? json.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

DotChart::Dot effect_dot(double x, const Json& line) {
  return {.x = x,
          .y = number_or_nan(line["effect"]["mean"]),
          .low = number_or_nan(line["effect"]["low"]),
          .high = number_or_nan(line["effect"]["high"]),
          .other_low = number_or_nan(line["random_low"]),
          .other_high = number_or_nan(line["random_high"])};
}

// From nothing to what the random counterparts cost on average.
DotChart::Dot cost_dot(double x, const Json& line) {
  DotChart::Dot dot{.x = x, .y = number_or_nan(line["kl"])};
  std::vector<double> random;
  for (const Json& one : line["random_kl"]) {
    random.push_back(number_or_nan(one));
  }
  if (!random.empty()) {
    dot.other_low = 0.0;
    dot.other_high = mean_of(random);
  }
  return dot;
}

std::size_t most_draws(const std::vector<Json>& lines) {
  std::size_t most = 0;
  for (const Json& line : lines) {
    most = std::max(most, line["random"].size());
  }
  return most;
}

std::string chart_subtitle(const SteerChart& what, std::size_t draws) {
  std::string text =
      fmt::format("{} · {} · bars: 95 %", what.model, counted(what.items, "example"));
  if (draws > 0) {
    text += fmt::format(" · grey: {}, and their mean KL",
                        draws > 1 ? fmt::format("where the next of {} random ones would lie", draws)
                                  : "a random one");
  }
  return text;
}

}  // namespace

std::string steer_chart_svg(const std::vector<Json>& lines, const SteerChart& what) {
  const std::string task = std::filesystem::path(what.task).filename().string();
  DotChart chart{.title = fmt::format("{} on {}", what.edits, task),
                 .subtitle = chart_subtitle(what, most_draws(lines)),
                 .x_axis = what.over,
                 .panels = {}};
  DotChart::Panel effect{.y_axis = "effect, nats", .dots = {}};
  DotChart::Panel cost{.y_axis = "KL on neutral text", .dots = {}};
  DotChart::Panel perplexity{.y_axis = "perplexity", .dots = {}, .scale = DotChart::Scale::log};
  perplexity.reference_name = "as it is";
  for (const Json& line : lines) {
    const double place = line[what.over].get<double>();
    effect.dots.push_back(effect_dot(place, line));
    cost.dots.push_back(cost_dot(place, line));
    perplexity.dots.push_back({.x = place, .y = number_or_nan(line["perplexity"])});
    perplexity.reference = number_or_nan(line["perplexity_before"]);
  }
  chart.panels = {effect, cost, perplexity};
  return to_svg(chart);
}

}  // namespace headscope
