#include "cli/render/color.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace headscope {
namespace {

struct Lab {
  double L = 0;
  double a = 0;
  double b = 0;
};

// A point of a colour map's path: lightness, chroma, hue in degrees.
struct Stop {
  double L = 0;
  double chroma = 0;
  double hue = 0;
};

double encoded(double linear) {
  linear = std::clamp(linear, 0.0, 1.0);
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1 / 2.4) - 0.055;
}

Rgb to_rgb(const Lab& lab) {
  const auto cube = [](double x) { return x * x * x; };
  const double l = cube(lab.L + 0.3963377774 * lab.a + 0.2158037573 * lab.b);
  const double m = cube(lab.L - 0.1055613458 * lab.a - 0.0638541728 * lab.b);
  const double s = cube(lab.L - 0.0894841775 * lab.a - 1.2914855480 * lab.b);
  const auto byte = [](double linear) {
    return static_cast<std::uint8_t>(std::lround(255 * encoded(linear)));
  };
  return {byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          byte(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

// Stops are joined by straight lines in (L, chroma, hue).
Lab on_path(const std::vector<Stop>& stops, double t) {
  const double at = t * static_cast<double>(stops.size() - 1);
  const auto i = std::min(static_cast<std::size_t>(at), stops.size() - 2);
  const double f = at - static_cast<double>(i);
  const double chroma = std::lerp(stops[i].chroma, stops[i + 1].chroma, f);
  const double hue = std::lerp(stops[i].hue, stops[i + 1].hue, f) * std::numbers::pi / 180;
  return {std::lerp(stops[i].L, stops[i + 1].L, f), chroma * std::cos(hue), chroma * std::sin(hue)};
}

// Walks the path in equal lengths, which is what makes equal steps of value look equal.
std::vector<Rgb> walk(const std::vector<Stop>& stops, std::size_t count) {
  constexpr int kFine = 8192;
  std::vector<double> length(kFine + 1, 0.0);
  Lab before = on_path(stops, 0);
  for (int i = 1; i <= kFine; ++i) {
    const Lab here = on_path(stops, static_cast<double>(i) / kFine);
    length[i] = length[i - 1] + std::hypot(here.L - before.L, here.a - before.a, here.b - before.b);
    before = here;
  }
  std::vector<Rgb> colors(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double target = length.back() * static_cast<double>(i) / static_cast<double>(count - 1);
    const auto at = std::lower_bound(length.begin(), length.end(), target) - length.begin();
    colors[i] = to_rgb(on_path(stops, static_cast<double>(at) / kFine));
  }
  return colors;
}

// The paths one after the other, each with an equal share of the 256 colours.
std::array<Rgb, 256> joined(const std::vector<std::vector<Stop>>& paths) {
  std::array<Rgb, 256> colors;
  auto out = colors.begin();
  for (const auto& path : paths) {
    const auto part = walk(path, colors.size() / paths.size());
    out = std::copy(part.begin(), part.end(), out);
  }
  return colors;
}

bool is_diverging(ColorMap map) {
  return map == ColorMap::diverging || map == ColorMap::diverging_dark;
}

double scaled(double share, ValueScale scale) {
  const double t = std::clamp(share, 0.0, 1.0);
  switch (scale) {
    case ValueScale::linear:
      return t;
    case ValueScale::sqrt:
      return std::sqrt(t);
    case ValueScale::log:
      return t > 0 ? std::max(0.0, 1 + std::log10(t) / kScaleDecades) : 0;
  }
  return t;
}

}  // namespace

const std::array<Rgb, 256>& palette(ColorMap map) {
  // Chromas stay inside the sRGB gamut, so that no step is lost to clipping.
  static const auto kSequential = joined({{{0.27, 0.105, 318},
                                           {0.385, 0.115, 280},
                                           {0.50, 0.085, 232},
                                           {0.615, 0.103, 180},
                                           {0.74, 0.150, 148},
                                           {0.85, 0.170, 122},
                                           {0.945, 0.165, 104}}});
  static const auto kLight = joined({{{0.98, 0.006, 235},
                                      {0.80, 0.085, 238},
                                      {0.60, 0.125, 248},
                                      {0.43, 0.135, 260},
                                      {0.28, 0.09, 268}}});
  static const auto kDiverging = joined({{{0.36, 0.12, 258}, {0.66, 0.115, 246}, {0.97, 0, 246}},
                                         {{0.97, 0, 30}, {0.66, 0.155, 30}, {0.36, 0.12, 26}}});
  static const auto kDivergingDark =
      joined({{{0.86, 0.085, 232}, {0.58, 0.135, 250}, {0.23, 0.012, 258}},
              {{0.23, 0.012, 30}, {0.58, 0.155, 30}, {0.86, 0.085, 50}}});
  switch (map) {
    case ColorMap::sequential:
      return kSequential;
    case ColorMap::light:
      return kLight;
    case ColorMap::diverging:
      return kDiverging;
    case ColorMap::diverging_dark:
      return kDivergingDark;
  }
  return kSequential;
}

double place_of(double value, double low, double high, ColorMap map, ValueScale scale) {
  if (!(high > low)) {
    return 0.5;
  }
  if (is_diverging(map) && scale != ValueScale::linear) {
    const double share = scaled(std::abs(value) / std::max(std::abs(low), std::abs(high)), scale);
    return 0.5 + std::copysign(share, value) / 2;
  }
  return scaled((value - low) / (high - low), scale);
}

Rgb color_of(float value, double low, double high, ColorMap map, ValueScale scale) {
  if (std::isnan(value)) {
    return kNanColor;
  }
  if (std::isinf(value)) {
    return value > 0 ? kPlusInfinityColor : kMinusInfinityColor;
  }
  const double place = place_of(value, low, high, map, scale);
  return palette(map)[static_cast<std::size_t>(std::lround(255 * place))];
}

}  // namespace headscope
