// The same seed draws the same everywhere, and what files depend on does not change.
#include "lib/base/random.h"

#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "lib/base/mersenne_random.h"
#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("the Mersenne twister is the standard's, and its choices are those of plain loops") {
  MersenneRandom standard(5489);
  for (int i = 1; i < 10000; ++i) {
    standard.next();
  }
  CHECK(standard.next() == 9981545732273789042u);  // as ISO C++ says of std::mt19937_64

  std::mt19937_64 engine(7);
  MersenneRandom random(7);
  for (int i = 0; i < 100; ++i) {
    REQUIRE(random.scaled(13) == ((engine() >> 32) * 13) >> 32);
    REQUIRE(random.below(13) == engine() % 13);
  }
  std::vector<int> by_hand(20);
  std::iota(by_hand.begin(), by_hand.end(), 0);
  std::vector<int> shuffled = by_hand;
  random.shuffle(shuffled);
  for (std::size_t left = by_hand.size(); left > 1; --left) {
    std::swap(by_hand[left - 1], by_hand[engine() % left]);
  }
  CHECK(shuffled == by_hand);
}

TEST_CASE("a stream of random choices has a seed and a name") {
  Random first(3, "a");
  Random same(3, "a");
  Random other(3, "b");
  const std::uint64_t drawn = first.next();
  CHECK(drawn == same.next());
  CHECK(drawn != other.next());
  CHECK(Random(4, "a").next() != drawn);
  const std::vector<int> few = first.sample(std::vector<int>{1, 2, 3}, 5);
  CHECK(few.size() == 3);
  std::vector<int> counts(3);
  for (int i = 0; i < 3000; ++i) {
    ++counts[first.below(3)];
  }
  for (const int count : counts) {
    CHECK((count > 900 && count < 1100));
  }
}
