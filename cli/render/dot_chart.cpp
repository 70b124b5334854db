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
constexpr double kOther = 14;  // width of the bar behind a dot
constexpr Rgb kGrid{226, 226, 230};
constexpr Rgb kOtherInk{206, 208, 216};
constexpr Rgb kReferenceInk{150, 110, 40};

struct Axes {
  Box plot;
  ValueRange x;
  ValueRange y;  // of a logarithmic panel: of the decimal logarithms
  DotChart::Scale scale = DotChart::Scale::linear;
  [[nodiscard]] double at_x(double value) const {
    return plot.x + (value - x.low) / (x.high - x.low) * plot.width;
  }
  [[nodiscard]] double at_y(double value) const {
    const double along = scale == DotChart::Scale::log ? std::log10(value) : value;
    return plot.y + plot.height - (along - y.low) / (y.high - y.low) * plot.height;
  }
};

bool has_place(const DotChart::Panel& panel, double value) {
  return std::isfinite(value) && (panel.scale == DotChart::Scale::linear || value > 0.0);
}

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
  const bool log = panel.scale == DotChart::Scale::log;
  double low = log ? std::numeric_limits<double>::infinity() : 0.0;
  double high = log ? -low : 0.0;
  const auto take = [&](double value) {
    if (has_place(panel, value)) {
      low = std::min(low, log ? std::log10(value) : value);
      high = std::max(high, log ? std::log10(value) : value);
    }
  };
  take(panel.reference);
  for (const auto& dot : panel.dots) {
    for (const double value : {dot.y, dot.low, dot.high, dot.other_low, dot.other_high}) {
      take(value);
    }
  }
  if (!log) {
    return widened(low, high);
  }
  const double middle = low <= high ? (low + high) / 2 : 0.0;
  const double reach = std::max(low <= high ? (high - low) / 2 : 0.0, std::log10(2.0) / 2);
  return widened(middle - reach, middle + reach);
}

// 1, 2 and 5 times powers of ten, fewer of them where the range is wide.
std::vector<double> log_ticks(ValueRange range) {
  std::vector<double> factors{1.0};
  if (range.high - range.low < 3.0) {
    factors = {1.0, 2.0, 5.0};
  }
  const int every = std::max(1, static_cast<int>(std::ceil((range.high - range.low) / 6.0)));
  std::vector<double> ticks;
  for (int power = static_cast<int>(std::floor(range.low)); power <= range.high; ++power) {
    for (const double factor : factors) {
      const double tick = factor * std::pow(10.0, power);
      if (power % every == 0 && std::log10(tick) >= range.low && std::log10(tick) <= range.high) {
        ticks.push_back(tick);
      }
    }
  }
  return ticks;
}

void draw_axes(Canvas& canvas, const Axes& axes, const std::string& name) {
  const bool log = axes.scale == DotChart::Scale::log;
  const std::vector<double> ticks = log ? log_ticks(axes.y) : nice_ticks(axes.y, 5);
  for (const double tick : ticks) {
    const double step = log ? tick : ticks.size() > 1 ? ticks[1] - ticks[0] : 1.0;
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

void draw_bar(
    Canvas& canvas, const Axes& axes, double x, double width, double low, double high, Rgb ink) {
  const double top = axes.at_y(high);
  canvas.rect({axes.at_x(x) - width / 2, top, width, axes.at_y(low) - top}, ink);
}

void draw_reference(Canvas& canvas, const Axes& axes, const DotChart::Panel& panel) {
  if (!has_place(panel, panel.reference)) {
    return;
  }
  const double y = axes.at_y(panel.reference);
  canvas.rect({axes.plot.x, y - 0.5, axes.plot.width, 1}, kReferenceInk);
  canvas.text(axes.plot.x + axes.plot.width - 4,
              y - 7,
              panel.reference_name,
              {.size = 10, .anchor = Anchor::end, .color = kReferenceInk});
}

void draw_dots(Canvas& canvas, const Axes& axes, const DotChart::Panel& panel) {
  for (const auto& dot : panel.dots) {
    if (has_place(panel, dot.other_low) && has_place(panel, dot.other_high)) {
      draw_bar(canvas, axes, dot.x, kOther, dot.other_low, dot.other_high, kOtherInk);
    }
  }
  draw_reference(canvas, axes, panel);
  for (const auto& dot : panel.dots) {
    if (!has_place(panel, dot.y)) {
      continue;
    }
    const double x = axes.at_x(dot.x);
    if (has_place(panel, dot.low) && has_place(panel, dot.high)) {
      draw_bar(canvas, axes, dot.x, 2, dot.low, dot.high, kDotInk);
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
    axes.scale = panel.scale;
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
