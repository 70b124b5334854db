// The area under the ROC curve against the count of pairs it is defined by.
#include "analyses/metric/auc.h"

#include <cmath>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

double by_pairs(const std::vector<double>& scores, const std::vector<bool>& truth) {
  double won = 0.0;
  double pairs = 0.0;
  for (std::size_t a = 0; a < scores.size(); ++a) {
    for (std::size_t b = 0; b < scores.size(); ++b) {
      if (truth[a] && !truth[b]) {
        pairs += 1.0;
        won += scores[a] > scores[b] ? 1.0 : scores[a] == scores[b] ? 0.5 : 0.0;
      }
    }
  }
  return won / pairs;
}

}  // namespace

TEST_CASE("The area is the share of pairs in the right order, ties counting half") {
  Random random(3, "auc");
  for (int round = 0; round < 20; ++round) {
    std::vector<double> scores;
    std::vector<bool> truth;
    for (int i = 0; i < 40; ++i) {
      scores.push_back(static_cast<double>(random.below(9)));  // many ties
      truth.push_back(random.below(3) == 0);
    }
    truth[0] = true;
    truth[1] = false;
    CHECK(roc_auc(scores, truth) == Approx(by_pairs(scores, truth)));
  }
  CHECK(roc_auc({3.0, 2.0, 1.0}, {true, false, false}) == 1.0);
  CHECK(roc_auc({1.0, 2.0, 3.0}, {true, false, false}) == 0.0);
}

TEST_CASE("What has no area is NaN or an error") {
  CHECK(std::isnan(roc_auc({1.0, 2.0}, {true, true})));
  CHECK(std::isnan(roc_auc({1.0, 2.0}, {false, false})));
  CHECK_THROWS_AS(roc_auc({1.0, std::nan("")}, {true, false}), UsageError);
  CHECK_THROWS_AS(roc_auc({1.0}, {true, false}), UsageError);
}
