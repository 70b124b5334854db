// Colour maps with equal perceptual steps, made in OKLab (Ottosson 2020,
// https://bottosson.github.io/posts/oklab/).
#pragma once

#include <array>
#include <cstdint>

namespace headscope {

struct Rgb {
  std::uint8_t r = 0;
  std::uint8_t g = 0;
  std::uint8_t b = 0;
  bool operator==(const Rgb&) const = default;
};

// sequential: dark purple (low) over green to yellow (high), lightness rising throughout, so that
// it survives grey print. light: near white (low) to dark blue, for patterns that are mostly zero.
// diverging: blue (negative) over near white (zero) to red (positive); diverging_dark: the same
// over near black, for dark pages.
enum class ColorMap { sequential, light, diverging, diverging_dark };

// How values are spread over a map's colours. sqrt and log (four decades below the range's end;
// what is smaller takes the colour of the lower end) let small values be told apart. Of diverging
// maps they apply to magnitudes. As the viewer has them (assets/page.js).
enum class ValueScale { linear, sqrt, log };
inline constexpr double kScaleDecades = 4;

// 256 colours from low to high; neighbours differ by equal OKLab distances (up to 8-bit rounding).
const std::array<Rgb, 256>& palette(ColorMap map);

// The colour of `value` on [low, high]; values outside take the end colours. NaN, +inf and −inf
// have colours that are in no map.
Rgb color_of(
    float value, double low, double high, ColorMap map, ValueScale scale = ValueScale::linear);

// Where a finite `value` of [low, high] lies among the colours: 0 at the low end, 1 at the high
// one.
double place_of(double value, double low, double high, ColorMap map, ValueScale scale);

inline constexpr Rgb kNanColor{255, 0, 200};
inline constexpr Rgb kPlusInfinityColor{255, 106, 0};
inline constexpr Rgb kMinusInfinityColor{150, 150, 150};

}  // namespace headscope
