#include "cli/render/heat_map.h"

#include <algorithm>
#include <cmath>

#include "cli/render/figure_parts.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

bool shown(const HeatMap& map, std::int64_t index) {
  switch (map.mask) {
    case Mask::none:
      return true;
    case Mask::causal:
      return index % map.cols <= index / map.cols;
    case Mask::absent:
      return !std::isnan(map.values[static_cast<std::size_t>(index)]);
  }
  return true;
}

void check_labels(const std::vector<std::string>& labels, std::int64_t size, const char* axis) {
  if (!labels.empty() && static_cast<std::int64_t>(labels.size()) != size) {
    throw InternalError("heat map: {} {} labels for {} cells", labels.size(), axis, size);
  }
}

}  // namespace

void check(const HeatMap& map) {
  if (map.rows <= 0 || map.cols <= 0) {
    throw UsageError("heat map \"{}\" has no cells", map.title);
  }
  if (static_cast<std::int64_t>(map.values.size()) != map.rows * map.cols) {
    throw InternalError(
        "heat map: {} values for {} × {} cells", map.values.size(), map.rows, map.cols);
  }
  check_labels(map.row_labels, map.rows, "row");
  check_labels(map.col_labels, map.cols, "column");
}

ValueRange value_range(const HeatMap& map) {
  if (map.range) {
    return *map.range;
  }
  double low = 0;
  double high = 0;
  bool any = false;
  for (std::int64_t i = 0; i < map.rows * map.cols; ++i) {
    const float value = map.values[static_cast<std::size_t>(i)];
    if (shown(map, i) && std::isfinite(value)) {
      low = std::min<double>(low, value);
      // All-negative values end at their largest one, not at 0.
      high = any ? std::max<double>(high, value) : value;
      any = true;
    }
  }
  if (map.color_map == ColorMap::diverging) {
    high = std::max(std::abs(low), std::abs(high));
    low = -high;
  }
  return high > low ? ValueRange{low, high} : ValueRange{low, low + 1};
}

CellGrid colored(const HeatMap& map, const ColorScale& scale, const Box& box) {
  CellGrid grid{box, map.rows, map.cols, {}};
  grid.colors.resize(map.values.size());
  for (std::int64_t i = 0; i < map.rows * map.cols; ++i) {
    if (shown(map, i)) {
      const auto at = static_cast<std::size_t>(i);
      grid.colors[at] =
          color_of(map.values[at], scale.range.low, scale.range.high, scale.map, scale.scale);
    }
  }
  return grid;
}

Oddities oddities(const HeatMap& map) {
  Oddities found;
  for (std::int64_t i = 0; i < map.rows * map.cols; ++i) {
    const float value = map.values[static_cast<std::size_t>(i)];
    if (shown(map, i) && !std::isfinite(value)) {
      found.nan |= std::isnan(value);
      found.plus_infinity |= std::isinf(value) && value > 0;
      found.minus_infinity |= std::isinf(value) && value < 0;
    }
  }
  return found;
}

}  // namespace headscope
