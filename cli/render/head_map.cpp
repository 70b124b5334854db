#include "cli/render/head_map.h"

namespace headscope {

HeatMap head_map(const HeadScores& scores) {
  HeatMap map;
  map.rows = scores.grid.n_layers;
  map.cols = scores.grid.n_heads;
  for (const double score : scores.values) {
    map.values.push_back(static_cast<float>(score));
  }
  for (std::int64_t layer = 0; layer < map.rows; ++layer) {
    map.row_labels.push_back(std::to_string(layer));
  }
  for (std::int64_t head = 0; head < map.cols; ++head) {
    map.col_labels.push_back(std::to_string(head));
  }
  map.row_axis = "layer";
  map.col_axis = "head";
  return map;
}

}  // namespace headscope
