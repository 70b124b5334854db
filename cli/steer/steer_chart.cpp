#include "cli/steer/steer_chart.h"

#include "cli/render/dot_chart.h"

namespace headscope {
namespace {

DotChart::Dot dot_of(double x, const Json& y) {
  DotChart::Dot dot{.x = x};
  if (y.is_object()) {
    dot.y = y["mean"].get<double>();
    if (y["low"].is_number()) {
      dot.low = y["low"].get<double>();
      dot.high = y["high"].get<double>();
    }
  } else if (y.is_number()) {
    dot.y = y.get<double>();
  }
  return dot;
}

}  // namespace

std::string steer_chart_svg(const std::vector<Json>& lines, const std::string& over) {
  DotChart chart{.title = "Steering by " + over, .x_axis = over, .panels = {}};
  DotChart::Panel effect{.y_axis = "effect on the score, nats", .dots = {}};
  DotChart::Panel cost{.y_axis = "KL on neutral text, nats", .dots = {}};
  for (const Json& line : lines) {
    const double place = line[over].get<double>();
    effect.dots.push_back(dot_of(place, line["effect"]));
    cost.dots.push_back(dot_of(place, line["kl"]));
  }
  chart.panels = {effect, cost};
  return to_svg(chart);
}

}  // namespace headscope
