// A page of small heat maps: all heads of a layer, or layers × heads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/render/heat_map.h"

namespace headscope {

struct SmallMultiples {
  struct Panel {
    std::string label;  // above the panel ("head 3"); empty where grid labels say it
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::vector<float> values;  // [rows, cols]
  };
  std::string title;
  std::string subtitle;
  std::int64_t columns = 0;             // panels a line; 0: about square
  std::vector<Panel> panels;            // in reading order
  std::vector<std::string> row_labels;  // a line of panels each ("L3"), or empty
  std::vector<std::string> col_labels;  // a column of panels each ("H2"), or empty
  std::string value_name = "attention";
  std::optional<ValueRange> range;  // one for all panels; by default that of all their values
  ColorMap color_map = ColorMap::sequential;
  Mask mask = Mask::none;
  ValueScale scale = ValueScale::linear;
};

// Panels with more cells than they have pixels show the largest value of each block, so that
// single bright cells and diagonals stay visible. Errors as for heat maps.
std::string to_svg(const SmallMultiples& page);
std::string to_png(const SmallMultiples& page, double scale = 2);
std::string to_pdf(const SmallMultiples& page);

// `values` [rows, cols] reduced to at most `side` cells a side, each the maximum of its block (NaN
// wins; masked cells do not count).
HeatMap max_pooled(const HeatMap& map, std::int64_t side);

}  // namespace headscope
