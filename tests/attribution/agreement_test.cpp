#include "analyses/attribution/agreement.h"

#include "lib/base/error.h"
#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("ranks share the mean where values are equal") {
  CHECK(ranks({3, 1, 3, -2}) == std::vector<double>{3.5, 2, 3.5, 1});
}

TEST_CASE("agreement of two lists worked out by hand") {
  const Agreement found = agreement_of({1, 2, 3, -4}, {2, 4, 7, -8}, 2);
  CHECK(found.pearson == Approx(0.99789).margin(1e-5));
  CHECK(found.spearman == Approx(1.0));
  CHECK(found.slope == Approx(63.0 / 30.0));
  CHECK(found.top == 2);
  CHECK(found.worst == std::vector<std::size_t>{2, 3, 1, 0});
  CHECK(agreement_of({1, 2, 3}, {3, 2, 1}).pearson == Approx(-1.0));
}

TEST_CASE("a list that does not vary correlates with nothing") {
  const Agreement found = agreement_of({1, 2, 3}, {5, 5, 5});
  CHECK_FALSE(found.pearson.has_value());
  CHECK_FALSE(found.spearman.has_value());
}

TEST_CASE("lists of different lengths do not compare") {
  CHECK_THROWS_AS(agreement_of({1, 2}, {1, 2, 3}), UsageError);
  CHECK_THROWS_AS(agreement_of({1}, {1}), UsageError);
}
