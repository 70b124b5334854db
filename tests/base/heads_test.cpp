// Heads by number, tables of one value a head, rankings.
#include <cmath>
#include <limits>
#include <string>
#include <unordered_set>

#include "lib/base/error.h"
#include "lib/base/head_id.h"
#include "lib/base/head_scores.h"
#include "lib/base/json.h"
#include "lib/base/ranking.h"
#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("a head is printed as layer.head and read back") {
  CHECK(to_string(HeadId{9, 6}) == "9.6");
  CHECK(head_json({9, 6}).dump() == R"({"layer":9,"head":6})");
  for (const HeadId head : {HeadId{0, 0}, HeadId{9, 6}, HeadId{31, 12}}) {
    CHECK(parse_head_id(to_string(head)) == head);
  }
}

TEST_CASE("what is no head is refused, naming it") {
  for (const std::string text : {"",
                                 "9",
                                 ".",
                                 "9.",
                                 ".6",
                                 "9.6.1",
                                 "-1.2",
                                 "-0.1",
                                 "1.-2",
                                 "a.b",
                                 " 9.6",
                                 "9.6 ",
                                 "+1.2",
                                 "9,6"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_head_id(text), UsageError);
  }
  CHECK_THROWS_AS(parse_head_id("99999999999999999999.0"), UsageError);
  CHECK_THROWS_WITH(parse_head_id("L9H6"), contains("'L9H6'") && contains("LAYER.HEAD"));
}

TEST_CASE("heads are ordered by layer, then head, and tell apart in a hash set") {
  CHECK(HeadId{1, 9} < HeadId{2, 0});
  CHECK(HeadId{2, 0} < HeadId{2, 1});
  std::unordered_set<HeadId> set;
  for (const HeadId& head : HeadGrid{.n_layers = 48, .n_heads = 25}.heads()) {
    set.insert(head);
  }
  CHECK(set.size() == 48U * 25U);
  CHECK(set.contains({47, 24}));
  CHECK_FALSE(set.contains({24, 47}));
}

TEST_CASE("a grid numbers its heads layer by layer and knows no others") {
  const HeadGrid grid{.n_layers = 3, .n_heads = 4};
  REQUIRE(grid.size() == 12);
  CHECK(grid.index_of({2, 1}) == 9);
  CHECK(grid.heads()[9] == HeadId{2, 1});
  CHECK(grid.indices_of({{2, 1}, {0, 3}}) == std::vector<std::size_t>{9, 3});
  for (std::size_t i = 0; i < grid.size(); ++i) {
    CHECK(grid.index_of(grid.head_at(i)) == i);
  }
  for (const HeadId& head : {HeadId{3, 0}, HeadId{0, 4}, HeadId{-1, 0}, HeadId{0, -1}}) {
    CAPTURE(to_string(head));
    CHECK_FALSE(grid.contains(head));
    CHECK_THROWS_AS(grid.index_of(head), InternalError);
  }
  CHECK_THROWS_AS(grid.head_at(12), InternalError);
}

TEST_CASE("a table holds one value a head") {
  HeadTable<std::string> names(HeadGrid{2, 2}, "none");
  names[{1, 0}] = "induction";
  CHECK(names.values == std::vector<std::string>{"none", "none", "induction", "none"});
  CHECK(names.heads().size() == 4);
  CHECK_THROWS_AS((names[{0, 2}]), InternalError);
  const HeadScores empty({2, 2}, std::vector<double>());
  CHECK(empty.empty());
  CHECK(empty.heads().empty());
  CHECK(ranked_heads(empty).empty());
}

TEST_CASE("the highest heads come first, and of equal ones the earlier") {
  const HeadScores scores({2, 3}, std::vector<double>{0.1, 0.7, 0.1, 0.9, 0.1, 0.7});
  CHECK((ranked_heads(scores) ==
         std::vector<HeadId>{{1, 0}, {0, 1}, {1, 2}, {0, 0}, {0, 2}, {1, 1}}));
  CHECK((top_heads(scores, 2) == std::vector<HeadId>{{1, 0}, {0, 1}}));
  CHECK(top_heads(scores, 99).size() == 6);
  CHECK_FALSE(top_cuts_a_tie(scores, 0));
  CHECK_FALSE(top_cuts_a_tie(scores, 1));
  CHECK(top_cuts_a_tie(scores, 2));
  CHECK_FALSE(top_cuts_a_tie(scores, 3));
  CHECK(top_cuts_a_tie(scores, 4));
  CHECK_FALSE(top_cuts_a_tie(scores, 6));
}

TEST_CASE("what is not a number ranks last, wherever it stands") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> values{nan, 1.0, nan, 3.0, -HUGE_VAL, 3.0};
  CHECK(ranking(values) == std::vector<std::size_t>{3, 5, 1, 4, 0, 2});
}
