#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "cli/render/canvas.h"
#include "cli/render/figure_parts.h"
#include "cli/render/font.h"
#include "cli/render/heat_map.h"
#include "cli/render/visible.h"

namespace headscope {
namespace {

constexpr double kPlotSize = 560;      // aimed at for the longer side
constexpr double kLargestPlot = 1120;  // where cells would be smaller than kReadableCell
constexpr double kReadableCell = 2;
constexpr double kLargestCell = 30;
constexpr double kSmallestLabel = 7;  // font size below which labels are thinned
constexpr double kAxisName = 20;      // room for "query"
constexpr double kLabelGap = 6;
constexpr double kHeatMapDrawLongestLabel = 110;
constexpr double kNarrowest = 420;  // so that headings have room
constexpr double kWidestTitle = 760;

// The labels of one axis: text and the index it stands at.
struct AxisLabels {
  struct Label {
    std::int64_t index = 0;
    std::string text;
  };
  std::vector<Label> labels;
  double size = 10;    // of the font
  double extent = 0;   // width of the longest
  bool ticks = false;  // thinned: tick marks show where each belongs
};

struct HeatMapDrawLayout {
  Heading heading;
  AxisLabels rows;
  AxisLabels cols;           // `extent` is the room they take below the plot
  bool cols_across = false;  // short enough to stand upright
  Box plot;
  Box bar;  // `plot`, or higher, where a colour bar stands beside
  double cell = 1;
  double width = 0;
  double height = 0;
  double foot = 0;  // the middle line of the legend of oddities
};

// Smallest of 1, 2, 5, 10, 20, … that keeps labels `apart` units from each other.
std::int64_t tick_step(double cell, double apart) {
  std::int64_t power = 1;
  for (;; power *= 10) {
    for (const std::int64_t step : {power, 2 * power, 5 * power}) {
      if (static_cast<double>(step) * cell >= apart) {
        return step;
      }
    }
  }
}

AxisLabels axis_labels(const std::vector<std::string>& labels, std::int64_t first, double cell) {
  const auto count = static_cast<std::int64_t>(labels.size());
  AxisLabels axis;
  if (labels.empty()) {
    return axis;
  }
  axis.ticks = cell * 0.95 < kSmallestLabel;
  axis.size = axis.ticks ? 9 : std::clamp(cell * 0.85, kSmallestLabel, 11.0);
  const std::int64_t step = axis.ticks ? tick_step(cell, 13) : 1;
  for (std::int64_t i = 0; i < count; i += step) {
    std::string text = visible(labels[static_cast<std::size_t>(i)]);
    const std::string number = std::to_string(first + i);
    if (axis.ticks && text != number) {
      text = number + "  " + text;
    }
    axis.labels.push_back({i, fit_text(text, axis.size, kHeatMapDrawLongestLabel)});
    axis.extent = std::max(axis.extent, text_width(axis.labels.back().text, axis.size));
  }
  return axis;
}

// Cells take whole pixels at scale 2, so that all are equally large.
double cell_size(const HeatMap& map) {
  const auto longest = static_cast<double>(std::max(map.rows, map.cols));
  const double readable = std::min(kReadableCell, kLargestPlot / longest);
  const double fitting = std::max(kPlotSize / longest, readable);
  return std::clamp(std::floor(fitting * 2) / 2, 0.5, kLargestCell);
}

HeatMapDrawLayout lay_out(const HeatMap& map) {
  HeatMapDrawLayout at;
  at.cell = cell_size(map);
  at.rows = axis_labels(map.row_labels, map.first, at.cell);
  at.cols = axis_labels(map.col_labels, map.first, at.cell);
  at.cols_across = at.cols.extent <= at.cell * 0.8;
  const double cols_room = at.cols_across ? at.cols.size : at.cols.extent;
  at.cols.extent = at.cols.labels.empty() ? 0 : cols_room;
  at.plot.x = std::ceil(kPad + kAxisName + at.rows.extent + kLabelGap);
  at.plot.width = at.cell * static_cast<double>(map.cols);
  at.plot.height = at.cell * static_cast<double>(map.rows);
  const double title = text_width(visible(map.title, Spaces::kept), kTitleSize) + 1;
  at.width = std::max({kNarrowest,
                       at.plot.x + at.plot.width + kColorBarRoom + kPad,
                       std::min(title, kWidestTitle) + 2 * kPad});
  at.heading = make_heading(map.title, map.subtitle, at.width - 2 * kPad);
  at.plot.y = std::ceil(kPad + at.heading.height());
  const double below = at.plot.y + at.plot.height + at.cols.extent + kLabelGap + kAxisName;
  at.foot = below + 12;
  at.bar = at.plot;
  at.bar.height = color_bar_height(at.plot, visible(map.value_name, Spaces::kept));
  at.height = std::max(std::ceil(below + (oddities(map).any() ? 20 : 0) + kPad / 2),
                       std::ceil(at.bar.y + at.bar.height + kPad));
  return at;
}

void draw_row_labels(Canvas& canvas, const HeatMap& map, const HeatMapDrawLayout& at) {
  const double gap = at.rows.ticks ? kLabelGap + 1 : kLabelGap - 1;
  for (const auto& label : at.rows.labels) {
    const double y = at.plot.y + (static_cast<double>(label.index) + 0.5) * at.cell;
    canvas.text(at.plot.x - gap, y, label.text, {.size = at.rows.size, .anchor = Anchor::end});
    if (at.rows.ticks) {
      canvas.rect({at.plot.x - 5, y - 0.5, 4, 1}, kFrame);
    }
  }
  canvas.text(kPad + 5,
              at.plot.y + at.plot.height / 2,
              visible(map.row_axis, Spaces::kept),
              {.size = kTextSize,
               .anchor = Anchor::middle,
               .direction = Direction::up,
               .color = kFaintInk});
}

void draw_col_labels(Canvas& canvas, const HeatMap& map, const HeatMapDrawLayout& at) {
  const double bottom = at.plot.y + at.plot.height;
  const double gap = at.cols.ticks ? kLabelGap + 1 : kLabelGap - 1;
  for (const auto& label : at.cols.labels) {
    const double x = at.plot.x + (static_cast<double>(label.index) + 0.5) * at.cell;
    if (at.cols_across) {
      canvas.text(
          x, bottom + gap + 5, label.text, {.size = at.cols.size, .anchor = Anchor::middle});
    } else {
      canvas.text(x,
                  bottom + gap,
                  label.text,
                  {.size = at.cols.size, .anchor = Anchor::end, .direction = Direction::up});
    }
    if (at.cols.ticks) {
      canvas.rect({x - 0.5, bottom + 1, 1, 4}, kFrame);
    }
  }
  canvas.text(at.plot.x + at.plot.width / 2,
              bottom + kLabelGap + at.cols.extent + kAxisName / 2 + 1,
              visible(map.col_axis, Spaces::kept),
              {.size = kTextSize, .anchor = Anchor::middle, .color = kFaintInk});
}

std::string draw(const HeatMap& map, const HeatMapDrawLayout& at, Canvas& canvas) {
  const ColorScale scale{
      value_range(map), map.color_map, visible(map.value_name, Spaces::kept), map.scale};
  draw_heading(canvas, at.heading);
  canvas.cells(colored(map, scale, at.plot));
  canvas.outline({at.plot.x - 1, at.plot.y - 1, at.plot.width + 2, at.plot.height + 2}, kFrame);
  draw_row_labels(canvas, map, at);
  draw_col_labels(canvas, map, at);
  draw_color_bar(canvas, at.bar, scale);
  draw_oddities(canvas, at.plot.x, at.foot, oddities(map));
  return canvas.finish();
}

}  // namespace

PlotArea plot_area(const HeatMap& map) {
  check(map);
  const HeatMapDrawLayout at = lay_out(map);
  return {at.plot.x, at.plot.y, at.cell};
}

std::string to_svg(const HeatMap& map) {
  check(map);
  const HeatMapDrawLayout at = lay_out(map);
  return draw(map, at, *svg_canvas(at.width, at.height));
}

std::string to_png(const HeatMap& map, double scale) {
  check(map);
  const HeatMapDrawLayout at = lay_out(map);
  return draw(map, at, *png_canvas(at.width, at.height, scale));
}

std::string to_pdf(const HeatMap& map) {
  check(map);
  const HeatMapDrawLayout at = lay_out(map);
  return draw(map, at, *pdf_canvas(at.width, at.height));
}

}  // namespace headscope
