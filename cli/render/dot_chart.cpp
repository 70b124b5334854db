#include "cli/render/dot_chart.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "cli/render/figure_parts.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr double kPlotWidth = 420;
constexpr double kPlotHeight = 150;
constexpr double kLeftRoom = 84;
constexpr double kBetween = 28;
constexpr double kTicksRoom = 44;  // below the last panel
constexpr double kDot = 6;
constexpr Rgb kDotInk{31, 96, 168};
constexpr Rgb kGrid{226, 226, 230};

struct Axes {
  Box plot;
  ValueRange x;
  ValueRange y;
  [[nodiscard]] double at_x(double value) const {
    return plot.x + (value - x.low) / (x.high - x.low) * plot.width;
  }
  [[nodiscard]] double at_y(double value) const {
    return plot.y + plot.height - (value - y.low) / (y.high - y.low) * plot.height;
  }
};

// Room at both ends, so that no dot lies on the frame.
ValueRange widened(double low, double high) {
  const double room = high > low ? 0.06 * (high - low) : std::max(std::abs(low), 1.0) * 0.1;
  return {static_cast<float>(low - room), static_cast<float>(high + room)};
}

ValueRange x_range(const DotChart& chart) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const auto& panel : chart.panels) {
    for (const auto& dot : panel.dots) {
      low = std::min(low, dot.x);
      high = std::max(high, dot.x);
    }
  }
  if (!(low <= high)) {
    throw UsageError("{}: nothing to draw", chart.title);
  }
  return widened(low, high);
}

ValueRange y_range(const DotChart::Panel& panel) {
  double low = 0.0;
  double high = 0.0;
  for (const auto& dot : panel.dots) {
    for (const double value : {dot.y, dot.low, dot.high}) {
      if (std::isfinite(value)) {
        low = std::min(low, value);
        high = std::max(high, value);
      }
    }
  }
  return widened(low, high);
}

void draw_axes(Canvas& canvas, const Axes& axes, const std::string& name) {
  const std::vector<double> ticks = nice_ticks(axes.y, 5);
  const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 1.0;
  for (const double tick : ticks) {
    const double y = axes.at_y(tick);
    canvas.rect({axes.plot.x, y - 0.5, axes.plot.width, 1}, tick == 0.0 ? kFrame : kGrid);
    canvas.text(axes.plot.x - 6,
                y,
                tick_text(tick, step),
                {.size = kTextSize, .anchor = Anchor::end, .color = kFaintInk});
  }
  canvas.text(axes.plot.x - kLeftRoom + kTextSize,
              axes.plot.y + axes.plot.height / 2,
              name,
              {.size = kTextSize, .anchor = Anchor::middle, .direction = Direction::up});
  canvas.outline(axes.plot, kFrame);
}

void draw_dots(Canvas& canvas, const Axes& axes, const DotChart::Panel& panel) {
  for (const auto& dot : panel.dots) {
    if (!std::isfinite(dot.y)) {
      continue;
    }
    const double x = axes.at_x(dot.x);
    if (std::isfinite(dot.low) && std::isfinite(dot.high)) {
      const double top = axes.at_y(dot.high);
      canvas.rect({x - 1, top, 2, axes.at_y(dot.low) - top}, kDotInk);
    }
    canvas.rect({x - kDot / 2, axes.at_y(dot.y) - kDot / 2, kDot, kDot}, kDotInk);
  }
}

void draw_x_axis(Canvas& canvas, const Axes& axes, const std::string& name) {
  const std::vector<double> ticks = nice_ticks(axes.x, 8);
  const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 1.0;
  const double below = axes.plot.y + axes.plot.height;
  for (const double tick : ticks) {
    canvas.rect({axes.at_x(tick) - 0.5, below, 1, 4}, kFrame);
    canvas.text(axes.at_x(tick),
                below + 12,
                tick_text(tick, step),
                {.size = kTextSize, .anchor = Anchor::middle, .color = kFaintInk});
  }
  canvas.text(axes.plot.x + axes.plot.width / 2,
              below + 30,
              name,
              {.size = kTextSize, .anchor = Anchor::middle});
}

template <typename MakeCanvas>
std::string drawn(const DotChart& chart, const MakeCanvas& make_canvas) {
  const Heading heading = make_heading(chart.title, chart.subtitle, kLeftRoom + kPlotWidth);
  const auto panels = static_cast<double>(chart.panels.size());
  const double height = kPad + heading.height() + panels * (kPlotHeight + kBetween) + kTicksRoom;
  const std::unique_ptr<Canvas> canvas = make_canvas(kPad + kLeftRoom + kPlotWidth + kPad, height);
  draw_heading(*canvas, heading);
  Axes axes{.plot = {kPad + kLeftRoom, kPad + heading.height(), kPlotWidth, kPlotHeight},
            .x = x_range(chart),
            .y = {}};
  for (const auto& panel : chart.panels) {
    axes.y = y_range(panel);
    draw_axes(*canvas, axes, panel.y_axis);
    draw_dots(*canvas, axes, panel);
    axes.plot.y += kPlotHeight + kBetween;
  }
  axes.plot.y -= kPlotHeight + kBetween;
  draw_x_axis(*canvas, axes, chart.x_axis);
  return canvas->finish();
}

}  // namespace

std::string to_svg(const DotChart& chart) {
  return drawn(chart, [](double width, double height) { return svg_canvas(width, height); });
}

std::string to_png(const DotChart& chart, double scale) {
  return drawn(chart,
               [scale](double width, double height) { return png_canvas(width, height, scale); });
}

}  // namespace headscope
