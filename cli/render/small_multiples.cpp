#include "cli/render/small_multiples.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cli/render/canvas.h"
#include "cli/render/figure_parts.h"
#include "cli/render/font.h"
#include "cli/render/visible.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr double kGap = 6;
constexpr double kLabelLine = 15;
constexpr double kSmallMultiplesLongestLabel = 90;
constexpr double kWidest = 1100;  // of all panels together
constexpr double kPixel = 0.5;    // of a PNG, in units: no cell is smaller

struct SmallMultiplesLayout {
  Heading heading;
  std::int64_t columns = 1;
  std::int64_t lines = 1;
  double panel = 96;     // width and height of a panel
  double step_y = 0;     // from one line of panels to the next
  double panel_top = 0;  // room for a panel's own label
  Box plot;
  double width = 0;
  double height = 0;
};

HeatMap as_map(const SmallMultiples& page, const SmallMultiples::Panel& panel) {
  HeatMap map;
  map.title = page.title + " " + panel.label;
  map.rows = panel.rows;
  map.cols = panel.cols;
  map.values = panel.values;
  map.range = page.range;
  map.color_map = page.color_map;
  map.mask = page.mask;
  return map;
}

double longest(const std::vector<std::string>& labels) {
  double width = 0;
  for (const auto& label : labels) {
    width = std::max(width, text_width(visible(label, Spaces::kept), 10));
  }
  return std::min(width, kSmallMultiplesLongestLabel);
}

double longest_side(const SmallMultiples& page) {
  std::int64_t side = 0;
  for (const auto& panel : page.panels) {
    side = std::max({side, panel.rows, panel.cols});
  }
  return static_cast<double>(side);
}

// About square, and without an unfinished line if the count allows.
std::int64_t good_columns(std::int64_t count) {
  const double root = std::sqrt(static_cast<double>(count));
  for (auto columns = std::llround(std::ceil(root)); columns <= std::llround(root * 2); ++columns) {
    if (count % columns == 0) {
      return columns;
    }
  }
  return std::llround(std::ceil(root * 1.15));
}

SmallMultiplesLayout lay_out(const SmallMultiples& page) {
  SmallMultiplesLayout at;
  const auto count = static_cast<std::int64_t>(page.panels.size());
  at.columns = std::min(count, page.columns > 0 ? page.columns : good_columns(count));
  at.lines = (count + at.columns - 1) / at.columns;
  const auto across = static_cast<double>(at.columns);
  // Long prompts get larger panels, where there is room, before cells are pooled.
  const double wanted =
      std::max(count <= 16 ? 128.0 : 72.0, std::ceil(longest_side(page) * kPixel));
  at.panel = std::clamp(std::floor(kWidest / across) - kGap, 40.0, wanted);
  const bool labelled = std::any_of(
      page.panels.begin(), page.panels.end(), [](const auto& p) { return !p.label.empty(); });
  at.panel_top = labelled ? kLabelLine : 0;
  at.step_y = at.panel + kGap + at.panel_top;
  at.plot.x = kPad + (page.row_labels.empty() ? 0 : std::ceil(longest(page.row_labels)) + 7);
  at.plot.width = across * (at.panel + kGap) - kGap;
  at.plot.height = static_cast<double>(at.lines) * at.step_y - kGap;
  at.width = std::max(420.0, at.plot.x + at.plot.width + kColorBarRoom + kPad);
  at.heading = make_heading(page.title, page.subtitle, at.width - 2 * kPad);
  at.plot.y = std::ceil(kPad + at.heading.height()) + (page.col_labels.empty() ? 0 : kLabelLine);
  at.height = at.plot.y + at.plot.height + kPad + 18;
  return at;
}

ValueRange common_range(const SmallMultiples& page) {
  if (page.range) {
    return *page.range;
  }
  ValueRange all = value_range(as_map(page, page.panels.front()));
  for (const auto& panel : page.panels) {
    const ValueRange own = value_range(as_map(page, panel));
    all = {std::min(all.low, own.low), std::max(all.high, own.high)};
  }
  return all;
}

void draw_panel(Canvas& canvas,
                const HeatMap& map,
                const std::string& label,
                const ColorScale& scale,
                const Box& box) {
  // Cells as large as fit, in half units; the panel keeps the map's own proportions.
  const auto longest_side = static_cast<double>(std::max(map.rows, map.cols));
  const HeatMap small = max_pooled(map, static_cast<std::int64_t>(box.width * 2));
  const double side = std::max(0.5, std::floor(box.width * 2 / longest_side) / 2);
  const double cell = longest_side > box.width * 2 ? 0.5 : side;
  const Box plot{
      box.x, box.y, cell * static_cast<double>(small.cols), cell * static_cast<double>(small.rows)};
  canvas.outline({plot.x - 1, plot.y - 1, plot.width + 2, plot.height + 2}, kFrame);
  canvas.cells(colored(small, scale, plot));
  if (!label.empty()) {
    canvas.text(
        box.x, box.y - 8, fit_text(visible(label, Spaces::kept), 10, box.width), {.size = 10});
  }
}

void draw_grid_labels(Canvas& canvas, const SmallMultiples& page, const SmallMultiplesLayout& at) {
  for (std::size_t i = 0; i < page.row_labels.size(); ++i) {
    const double y = at.plot.y + at.panel_top + at.step_y * static_cast<double>(i) + at.panel / 2;
    const auto text =
        fit_text(visible(page.row_labels[i], Spaces::kept), 10, kSmallMultiplesLongestLabel);
    canvas.text(at.plot.x - 7, y, text, {.size = 10, .anchor = Anchor::end});
  }
  for (std::size_t i = 0; i < page.col_labels.size(); ++i) {
    const double x = at.plot.x + (at.panel + kGap) * static_cast<double>(i) + at.panel / 2;
    const auto text = fit_text(visible(page.col_labels[i], Spaces::kept), 10, at.panel + kGap);
    canvas.text(x, at.plot.y - 9, text, {.size = 10, .anchor = Anchor::middle});
  }
}

std::string draw(const SmallMultiples& page, const SmallMultiplesLayout& at, Canvas& canvas) {
  const ColorScale scale{
      common_range(page), page.color_map, visible(page.value_name, Spaces::kept), page.scale};
  draw_heading(canvas, at.heading);
  draw_grid_labels(canvas, page, at);
  Oddities found;
  for (std::size_t i = 0; i < page.panels.size(); ++i) {
    const auto line = static_cast<double>(static_cast<std::int64_t>(i) / at.columns);
    const auto column = static_cast<double>(static_cast<std::int64_t>(i) % at.columns);
    const Box box{at.plot.x + (at.panel + kGap) * column,
                  at.plot.y + at.step_y * line + at.panel_top,
                  at.panel,
                  at.panel};
    const HeatMap map = as_map(page, page.panels[i]);
    draw_panel(canvas, map, page.panels[i].label, scale, box);
    const Oddities own = oddities(map);
    found = {found.nan || own.nan,
             found.plus_infinity || own.plus_infinity,
             found.minus_infinity || own.minus_infinity};
  }
  const double top = at.plot.y + at.panel_top;
  const double bar = std::clamp(at.plot.height - at.panel_top, 40.0, 320.0);
  draw_color_bar(canvas, {at.plot.x, top, at.plot.width, bar}, scale);
  draw_oddities(canvas, at.plot.x, at.plot.y + at.plot.height + 14, found);
  return canvas.finish();
}

void check(const SmallMultiples& page) {
  if (page.panels.empty()) {
    throw UsageError("small multiples \"{}\" have no panels", page.title);
  }
  for (const auto& panel : page.panels) {
    headscope::check(as_map(page, panel));
  }
}

}  // namespace

HeatMap max_pooled(const HeatMap& map, std::int64_t side) {
  const std::int64_t block = (std::max(map.rows, map.cols) + side - 1) / side;
  if (block <= 1) {
    return map;
  }
  HeatMap small = map;
  small.row_labels.clear();
  small.col_labels.clear();
  small.rows = (map.rows + block - 1) / block;
  small.cols = (map.cols + block - 1) / block;
  small.values.assign(static_cast<std::size_t>(small.rows * small.cols),
                      -std::numeric_limits<float>::infinity());
  for (std::int64_t row = 0; row < map.rows; ++row) {
    const std::int64_t end = map.mask == Mask::causal ? std::min(map.cols, row + 1) : map.cols;
    for (std::int64_t col = 0; col < end; ++col) {
      const float value = map.values[static_cast<std::size_t>(row * map.cols + col)];
      float& best = small.values[static_cast<std::size_t>(row / block * small.cols + col / block)];
      best = std::isnan(value) || value > best ? value : best;
    }
  }
  return small;
}

std::string to_svg(const SmallMultiples& page) {
  check(page);
  const SmallMultiplesLayout at = lay_out(page);
  return draw(page, at, *svg_canvas(at.width, at.height));
}

std::string to_png(const SmallMultiples& page, double scale) {
  check(page);
  const SmallMultiplesLayout at = lay_out(page);
  return draw(page, at, *png_canvas(at.width, at.height, scale));
}

std::string to_pdf(const SmallMultiples& page) {
  check(page);
  const SmallMultiplesLayout at = lay_out(page);
  return draw(page, at, *pdf_canvas(at.width, at.height));
}

}  // namespace headscope
