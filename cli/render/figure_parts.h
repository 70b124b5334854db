// Parts every figure shares: headings, colour bars, value ranges and ticks.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/render/canvas.h"
#include "cli/render/heat_map.h"

namespace headscope {

inline constexpr double kPad = 16;  // around a figure
inline constexpr double kTitleSize = 14;
inline constexpr double kTextSize = 11;
inline constexpr double kColorBarRoom = 86;  // to the right of a plot
inline constexpr Rgb kInk{38, 38, 43};
inline constexpr Rgb kFaintInk{110, 110, 118};
inline constexpr Rgb kFrame{176, 176, 184};

struct Heading {
  std::string title;
  std::vector<std::string> lines;  // of the subtitle
  [[nodiscard]] double height() const;
};

// Fits title and subtitle (raw text) to `width` units; at most three lines of subtitle.
Heading make_heading(const std::string& title, const std::string& subtitle, double width);
void draw_heading(Canvas& canvas, const Heading& heading);

// A colour bar of height `plot.height` to the right of `plot`, with ticks and the value's name.
struct ColorScale {
  ValueRange range;
  ColorMap map = ColorMap::sequential;
  std::string name;
  ValueScale scale = ValueScale::linear;
};
// How high one beside `plot` is, so that the name stands there whole.
double color_bar_height(const Box& plot, const std::string& name);
void draw_color_bar(Canvas& canvas, const Box& plot, const ColorScale& scale);

// Names the colours of values that are no number, those that occur in `values`.
struct Oddities {
  bool nan = false;
  bool plus_infinity = false;
  bool minus_infinity = false;
  [[nodiscard]] bool any() const { return nan || plus_infinity || minus_infinity; }
};
void draw_oddities(Canvas& canvas, double x, double y, const Oddities& found);

// Multiples of 1, 2 or 5 × 10^k within the range, about `count` of them.
std::vector<double> nice_ticks(ValueRange range, int count);
std::string tick_text(double value, double step);

// The ticks of a colour bar `height` units high: those of nice_ticks() on a linear scale, else 1, 2
// and 5 × 10^k, as many as have room.
std::vector<double> bar_ticks(const ColorScale& scale, double height);

// The colours of a [rows, cols] matrix; masked cells have none. Notes oddities of shown cells.
CellGrid colored(const HeatMap& map, const ColorScale& scale, const Box& box);
Oddities oddities(const HeatMap& map);

// Throws as to_svg does.
void check(const HeatMap& map);

}  // namespace headscope
