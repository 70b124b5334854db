// Prompts sorted into batches, by what a batch must hold.
#include "lib/model/batch_plan.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/support/catch.h"

using namespace headscope;

namespace {

using Batches = std::vector<std::vector<std::size_t>>;

// What `padding` allows, said of a whole batch.
bool batch_is_allowed(const std::vector<std::int64_t>& batch, Padding padding) {
  const auto [least, most] = std::minmax_element(batch.begin(), batch.end());
  const auto rows = static_cast<std::int64_t>(batch.size());
  const std::int64_t own = std::accumulate(batch.begin(), batch.end(), std::int64_t{0});
  switch (padding) {
    case Padding::none:
      return *least == *most;
    case Padding::quarter_of_prompt:
      return *most - *least <= *least / 4;
    case Padding::quarter_of_batch:
      return 4 * (rows * *most - own) <= own;
    case Padding::any:
      break;
  }
  return true;
}

}  // namespace

TEST_CASE("batches hold prompts of like length and no more tokens than asked") {
  CHECK(plan_batches({6, 3, 4, 50}, {.most_tokens = 12}) == Batches{{1, 2}, {0}, {3}});
  CHECK(plan_batches({6, 3, 4, 50}, {2}, {.most_tokens = 1}) == Batches{{2}});
  CHECK(plan_batches({}, {.most_tokens = 12}).empty());
  CHECK(plan_batches({5, 5, 4, 5}, {3, 2, 0}, {.most_tokens = 99}) == Batches{{2, 3, 0}});
}

TEST_CASE("lengths mix as far as padding may go") {
  const std::vector<std::int64_t> lengths{8, 10, 11, 12, 12};
  const auto plan = [&](Padding padding) {
    return plan_batches(lengths, {.most_tokens = 1000, .padding = padding});
  };
  CHECK(plan(Padding::any) == Batches{{0, 1, 2, 3, 4}});
  CHECK(plan(Padding::quarter_of_batch) == Batches{{0, 1, 2, 3, 4}});  // 53 of 60
  CHECK(plan(Padding::quarter_of_prompt) == Batches{{0, 1}, {2, 3, 4}});
  CHECK(plan(Padding::none) == Batches{{0}, {1}, {2}, {3, 4}});
}

TEST_CASE("whatever the lengths, every prompt runs once, in batches that may not be fuller") {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::int64_t> lengths(1 + random() % 30);
    for (std::int64_t& length : lengths) {
      length = 1 + random() % 40;
    }
    const auto padding = static_cast<Padding>(round % 4);
    const auto most = static_cast<std::int64_t>(1 + random() % 200);
    const Batches batches = plan_batches(lengths, {.most_tokens = most, .padding = padding});
    CAPTURE(round, most, lengths);
    std::vector<std::size_t> seen;
    for (std::size_t i = 0; i < batches.size(); ++i) {
      std::vector<std::int64_t> own;
      for (const std::size_t prompt : batches[i]) {
        seen.push_back(prompt);
        own.push_back(lengths[prompt]);
      }
      const auto rows = static_cast<std::int64_t>(own.size());
      CHECK(std::is_sorted(own.begin(), own.end()));
      CHECK((rows == 1 || rows * own.back() <= most));
      CHECK(batch_is_allowed(own, padding));
      if (i + 1 < batches.size()) {  // the next prompt would have been too much
        own.push_back(lengths[batches[i + 1].front()]);
        CHECK(((rows + 1) * own.back() > most || !batch_is_allowed(own, padding)));
      }
    }
    std::sort(seen.begin(), seen.end());
    std::vector<std::size_t> all(lengths.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    CHECK(seen == all);
  }
}
