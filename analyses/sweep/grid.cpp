#include "analyses/sweep/grid.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {
namespace {

std::int64_t at_least_one(std::int64_t n) {
  return std::max<std::int64_t>(n, 1);
}

ResultAxis numbered(const std::string& name, std::int64_t size, std::int64_t first = 0) {
  ResultAxis axis{name, {}};
  for (std::int64_t i = 0; i < size; ++i) {
    axis.labels.push_back(std::to_string(first + i));
  }
  return axis;
}

}  // namespace

std::int64_t Grid::size() const {
  return options_.layers * at_least_one(options_.heads) * at_least_one(options_.positions);
}

Cell Grid::cell(std::int64_t index) const {
  const std::int64_t positions = at_least_one(options_.positions);
  const std::int64_t heads = at_least_one(options_.heads);
  Cell cell;
  cell.pos = options_.positions > 0 ? index % positions : -1;
  cell.head = options_.heads > 0 ? index / positions % heads : -1;
  cell.layer = options_.first_layer + index / positions / heads;
  return cell;
}

std::int64_t Grid::index(const Cell& cell) const {
  const std::int64_t head = std::max<std::int64_t>(cell.head, 0);
  const std::int64_t pos = std::max<std::int64_t>(cell.pos, 0);
  const std::int64_t layer = cell.layer - options_.first_layer;
  return (layer * at_least_one(options_.heads) + head) * at_least_one(options_.positions) + pos;
}

std::vector<ResultAxis> Grid::axes() const {
  std::vector<ResultAxis> axes{
      options_.layer_labels.empty()
          ? numbered(options_.layer_axis, options_.layers, options_.first_layer)
          : ResultAxis{options_.layer_axis, options_.layer_labels}};
  if (options_.heads > 0) {
    axes.push_back(options_.head_labels.empty()
                       ? numbered(options_.head_axis, options_.heads)
                       : ResultAxis{options_.head_axis, options_.head_labels});
  }
  if (options_.positions > 0) {
    axes.push_back(options_.position_labels.empty()
                       ? numbered(options_.position_axis, options_.positions)
                       : ResultAxis{options_.position_axis, options_.position_labels});
  }
  return axes;
}

std::string Grid::name(const Cell& cell) const {
  const std::string place = options_.layer_labels.empty()
                                ? to_string(Cell{cell.layer, cell.head})
                                : options_.layer_labels[static_cast<std::size_t>(cell.layer)];
  if (cell.pos < 0) {
    return place;
  }
  const std::string at = options_.position_labels.empty()
                             ? std::to_string(cell.pos)
                             : options_.position_labels[static_cast<std::size_t>(cell.pos)];
  return place + " @" + at;
}

std::string to_string(const Cell& cell) {
  std::string text = cell.head < 0 ? fmt::format("layer {}", cell.layer)
                                   : fmt::format("{}.{}", cell.layer, cell.head);
  return cell.pos < 0 ? text : text + fmt::format(" @{}", cell.pos);
}

}  // namespace headscope
