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

TEST_CASE("lists of zeros have no top, and a cut between equal values is none") {
  const std::vector<double> zeros(20, 0.0);
  const Agreement nothing = agreement_of(zeros, zeros, 10);
  CHECK(nothing.top_count == 0);
  CHECK_FALSE(nothing.slope.has_value());
  CHECK_FALSE(nothing.pearson.has_value());
  std::vector<double> two = zeros;
  two[3] = -5;
  two[7] = 4;
  const Agreement few = agreement_of(two, two, 10);
  CHECK(few.top_count == 2);  // behind them all are equal
  CHECK(few.top == 2);
  CHECK(agreement_of(two, zeros, 10).top_count == 0);
  CHECK(agreement_of({4, 3, 3, 1}, {4, 3, 2, 1}, 2).top_count == 1);
  CHECK(agreement_of({4, 3, 3, 1}, {4, 3, 2, 1}, 3).top_count == 3);
}
