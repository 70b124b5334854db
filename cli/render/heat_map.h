// Heat maps of attention patterns, scores and layer × head results, with token labels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/render/color.h"

namespace headscope {

// causal: cells with column > row were masked out by the model and are left white. absent: so are
// cells that are NaN, which do not exist (heat maps alone know it).
enum class Mask { none, causal, absent };

struct ValueRange {
  double low = 0;
  double high = 1;
};

struct HeatMap {
  std::string title;     // "SmolLM2-135M-Instruct · layer 3, head 2"
  std::string subtitle;  // the prompt, say; wrapped to three lines
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<float> values;            // [rows, cols]
  std::vector<std::string> row_labels;  // token pieces (raw bytes) or names; empty: none
  std::vector<std::string> col_labels;
  std::string row_axis = "query";
  std::string col_axis = "key";
  std::string value_name = "attention";
  std::optional<ValueRange> range;  // by default that of the finite shown values (see value_range)
  ColorMap color_map = ColorMap::sequential;
  Mask mask = Mask::none;
  ValueScale scale = ValueScale::linear;
  std::int64_t first = 0;  // the number that thinned labels give the first row and column
};

// All throw InternalError if sizes disagree, UsageError for an empty map or too large a picture.
// Labels are thinned to numbered ticks where cells are smaller than letters.
std::string to_svg(const HeatMap& map);
std::string to_png(const HeatMap& map, double scale = 2);  // `scale` pixels a unit (2: 192 dpi)
std::string to_pdf(const HeatMap& map);

// From 0 (or the smallest value, if negative) to the largest finite shown value; symmetric about 0
// for ColorMap::diverging; [0, 1] if there is none.
ValueRange value_range(const HeatMap& map);

// Where the cells lie, in units of the SVG: for those who draw over them and for tests.
struct PlotArea {
  double x = 0;
  double y = 0;
  double cell = 0;  // width and height of a cell
};
PlotArea plot_area(const HeatMap& map);

}  // namespace headscope
