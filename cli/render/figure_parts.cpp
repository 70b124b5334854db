#include "cli/render/figure_parts.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "cli/render/font.h"
#include "cli/render/visible.h"

namespace headscope {
namespace {

constexpr double kTitleLine = 20;
constexpr double kTextLine = 15;
constexpr std::size_t kMaxLines = 3;
constexpr double kTickApart = 22;

// Breaks at spaces; what does not fit into kMaxLines ends in ….
std::vector<std::string> wrapped(const std::string& text, double width) {
  std::vector<std::string> lines;
  std::string rest = text;
  while (!rest.empty() && lines.size() + 1 < kMaxLines && text_width(rest, kTextSize) > width) {
    std::size_t cut = 0;
    for (std::size_t space = rest.find(' '); space != std::string::npos;
         space = rest.find(' ', space + 1)) {
      if (text_width(std::string_view(rest).substr(0, space), kTextSize) > width) {
        break;
      }
      cut = space;
    }
    if (cut == 0) {
      break;
    }
    lines.push_back(rest.substr(0, cut));
    rest.erase(0, cut + 1);
  }
  if (!rest.empty()) {
    lines.push_back(fit_text(rest, kTextSize, width));
  }
  return lines;
}

double place_on(const ColorScale& scale, double value) {
  return place_of(value, scale.range.low, scale.range.high, scale.map, scale.scale);
}

// 0, then from large to small 1, 5 and 2 × 10^k with both signs: those that
// come first get a tick first.
std::vector<double> round_numbers(ValueRange range) {
  const double largest = std::max(std::abs(range.low), std::abs(range.high));
  const int power = static_cast<int>(std::floor(std::log10(largest)));
  std::vector<double> numbers{0};
  for (const double factor : {1.0, 5.0, 2.0}) {
    for (int k = power; k >= power - static_cast<int>(kScaleDecades); --k) {
      numbers.push_back(factor * std::pow(10.0, k));
      numbers.push_back(-numbers.back());
    }
  }
  return numbers;
}

}  // namespace

double Heading::height() const {
  return (title.empty() ? 0 : kTitleLine) + kTextLine * static_cast<double>(lines.size()) + 6;
}

Heading make_heading(const std::string& title, const std::string& subtitle, double width) {
  return {fit_text(visible(title, Spaces::kept), kTitleSize, width),
          wrapped(visible(subtitle, Spaces::kept), width)};
}

void draw_heading(Canvas& canvas, const Heading& heading) {
  double y = kPad + kTitleLine / 2 - 4;
  if (!heading.title.empty()) {
    canvas.text(kPad, y, heading.title, {.size = kTitleSize, .color = kInk});
    y += kTitleLine;
  }
  for (const auto& line : heading.lines) {
    canvas.text(kPad, y, line, {.size = kTextSize, .color = kFaintInk});
    y += kTextLine;
  }
}

std::vector<double> nice_ticks(ValueRange range, int count) {
  const double span = range.high - range.low;
  if (!(span > 0) || !std::isfinite(span)) {
    return {range.low};
  }
  const double power = std::pow(10.0, std::floor(std::log10(span / count)));
  double step = power;
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    step = power * factor;
    if (span / step <= count + 0.5) {
      break;
    }
  }
  std::vector<double> ticks;
  for (double i = std::ceil(range.low / step - 1e-6); i * step <= range.high + 1e-6 * step; ++i) {
    ticks.push_back(i == 0 ? 0.0 : i * step);
  }
  constexpr int kFinest = 100;
  const bool tells_scale = ticks.size() > 1 || count > kFinest;
  return tells_scale ? ticks : nice_ticks(range, 2 * count);
}

std::string tick_text(double value, double step) {
  const double size = std::max(std::abs(value), step);
  if (value != 0 && (size >= 1e5 || step < 1e-4)) {
    return fmt::format("{:.1e}", value);
  }
  const int digits = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 5);
  return fmt::format("{:.{}f}", value, digits);
}

std::vector<double> bar_ticks(const ColorScale& scale, double height) {
  if (scale.scale == ValueScale::linear) {
    return nice_ticks(scale.range, std::clamp(static_cast<int>(height / 36), 2, 6));
  }
  std::vector<double> ticks;
  for (const double candidate : round_numbers(scale.range)) {
    const double place = place_on(scale, candidate);
    const bool room = std::all_of(ticks.begin(), ticks.end(), [&](double tick) {
      return std::abs(place_on(scale, tick) - place) * height >= kTickApart;
    });
    if (room && candidate >= scale.range.low && candidate <= scale.range.high) {
      ticks.push_back(candidate);
    }
  }
  return ticks;
}

double color_bar_height(const Box& plot, const std::string& name) {
  constexpr double kTallest = 260;
  return std::max(plot.height, std::min(std::ceil(text_width(name, kTextSize)) + 2, kTallest));
}

void draw_color_bar(Canvas& canvas, const Box& plot, const ColorScale& scale) {
  const Box bar{plot.x + plot.width + 18, plot.y, 13, plot.height};
  CellGrid grid{bar, 256, 1, {}};
  for (std::size_t i = 256; i-- > 0;) {
    grid.colors.emplace_back(palette(scale.map)[i]);
  }
  canvas.cells(grid);
  canvas.outline({bar.x - 1, bar.y - 1, bar.width + 2, bar.height + 2}, kFrame);
  const bool linear = scale.scale == ValueScale::linear;
  const auto ticks = bar_ticks(scale, plot.height);
  const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : std::abs(ticks[0]);
  double widest = 0;
  for (const double tick : ticks) {
    const double y = bar.y + bar.height * (1 - place_on(scale, tick));
    const double digits = linear ? step : std::abs(tick);
    const std::string text = tick_text(tick, digits > 0 ? digits : 1);
    canvas.rect({bar.x + bar.width + 1, y - 0.5, 4, 1}, kFrame);
    canvas.text(bar.x + bar.width + 8, y, text, {.size = 10, .color = kInk});
    widest = std::max(widest, text_width(text, 10));
  }
  canvas.text(bar.x + bar.width + 8 + widest + 11,
              bar.y + bar.height / 2,
              fit_text(scale.name, kTextSize, plot.height),
              {.size = kTextSize,
               .anchor = Anchor::middle,
               .direction = Direction::up,
               .color = kFaintInk});
}

void draw_oddities(Canvas& canvas, double x, double y, const Oddities& found) {
  const std::pair<bool, std::pair<const char*, Rgb>> keys[] = {
      {found.nan, {"NaN", kNanColor}},
      {found.plus_infinity, {"+∞", kPlusInfinityColor}},
      {found.minus_infinity, {"−∞", kMinusInfinityColor}}};
  for (const auto& [present, key] : keys) {
    if (present) {
      canvas.rect({x, y - 5, 10, 10}, key.second);
      canvas.text(x + 15, y, key.first, {.size = 10, .color = kInk});
      x += 15 + text_width(key.first, 10) + 14;
    }
  }
}

}  // namespace headscope
