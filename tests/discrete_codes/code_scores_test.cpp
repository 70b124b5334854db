// Scores of heads and pairs by their codes, against sets written out.
#include "analyses/discrete_codes/code_scores.h"

#include <set>
#include <utility>

#include "lib/base/random.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

HeadCodes random_codes(std::uint64_t seed) {
  Random random(seed, "codes");
  HeadCodes codes{{2, 3}, 5, {}, {}};
  for (auto* prompts : {&codes.positive, &codes.negative}) {
    for (int prompt = 0; prompt < 7; ++prompt) {
      std::vector<std::int32_t> row;
      for (int head = 0; head < 6; ++head) {
        row.push_back(static_cast<std::int32_t>(random.below(5)));
      }
      prompts->push_back(row);
    }
  }
  return codes;
}

using Pair = std::pair<std::int32_t, std::int32_t>;

std::set<Pair> pairs_of(const std::vector<std::vector<std::int32_t>>& prompts, int a, int b) {
  std::set<Pair> seen;
  for (const auto& prompt : prompts) {
    seen.insert({prompt[static_cast<std::size_t>(a)], prompt[static_cast<std::size_t>(b)]});
  }
  return seen;
}

struct Counts {
  double alone = 0.0;
  double all = 0.0;
};

Counts counts_of(const HeadCodes& codes, int a, int b) {
  const auto positive = pairs_of(codes.positive, a, b);
  auto all = pairs_of(codes.negative, a, b);
  Counts counts;
  for (const Pair& pair : positive) {
    counts.alone += all.contains(pair) ? 0.0 : 1.0;
  }
  all.insert(positive.begin(), positive.end());
  counts.all = static_cast<double>(all.size());
  return counts;
}

}  // namespace

TEST_CASE("A head's score is how many codes stand in positive prompts alone") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const HeadCodes codes = random_codes(seed);
    const HeadScores count = code_node_scores(codes, CodeNormalise::count);
    const HeadScores share = code_node_scores(codes, CodeNormalise::share);
    for (int head = 0; head < 6; ++head) {
      const Counts want = counts_of(codes, head, head);
      CHECK(count.values[static_cast<std::size_t>(head)] == want.alone);
      CHECK(share.values[static_cast<std::size_t>(head)] == Approx(want.alone / want.all));
    }
  }
}

TEST_CASE("A pair's score is how many pairs of codes do, and the best come first") {
  const HeadCodes codes = random_codes(11);
  const std::vector<CodeEdge> edges = code_edge_scores(codes, CodeNormalise::count);
  REQUIRE(edges.size() == 15);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const auto a = static_cast<int>(codes.grid.index_of(edges[i].first));
    const auto b = static_cast<int>(codes.grid.index_of(edges[i].second));
    CHECK(a < b);
    CHECK(edges[i].score == counts_of(codes, a, b).alone);
    CHECK((i == 0 || edges[i - 1].score >= edges[i].score));
  }
}

TEST_CASE("Heads are counted over the first half of heads squared ends, both orders of a pair") {
  // 2 heads a layer, 2 layers: 8 ends are taken, which are two pairs in both orders.
  const HeadGrid grid{2, 2};
  const std::vector<CodeEdge> edges = {
      {{0, 0}, {1, 1}, 9.0}, {{0, 1}, {1, 1}, 5.0}, {{0, 0}, {0, 1}, 1.0}};
  const HeadScores counts = heads_of_edges(grid, edges);
  CHECK(counts.values == std::vector<double>{2.0, 2.0, 0.0, 4.0});
}
