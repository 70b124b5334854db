#include "cli/render/head_map.h"

#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("a map of heads has layers down and heads across, each with its own number") {
  HeadScores scores(HeadGrid{.n_layers = 2, .n_heads = 3});
  scores[{1, 0}] = 0.5;
  scores[{0, 2}] = -1.0;
  const HeatMap map = head_map(scores);
  CHECK((map.rows == 2 && map.cols == 3));
  CHECK(map.values == std::vector<float>{0.0F, 0.0F, -1.0F, 0.5F, 0.0F, 0.0F});
  CHECK(map.row_labels == std::vector<std::string>{"0", "1"});
  CHECK(map.col_labels == std::vector<std::string>{"0", "1", "2"});
  CHECK((map.row_axis == "layer" && map.col_axis == "head"));
}
