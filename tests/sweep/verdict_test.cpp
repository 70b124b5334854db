// What a model can do, told from its values.
#include "analyses/metric/verdict.h"

#include <algorithm>
#include <cmath>

#include "tests/support/catch.h"

using namespace headscope;

namespace {

using Values = std::vector<double>;

// 0 and 1 of which `ones` of 20 are 1; everything scaled by `size`.
Values part(int ones, double size = 1.0) {
  Values values(20, 0.0);
  std::fill_n(values.begin(), ones, size);
  return values;
}

Values around(double middle) {
  Values values;
  for (int i = 0; i < 20; ++i) {
    values.push_back(middle + (i % 2 == 0 ? 1.0 : -1.0));
  }
  return values;
}

Verdict of(const Values& accuracy, const Values& clean, const Values& corrupted) {
  return judge({.accuracy = accuracy, .logit_diff = clean, .clean = clean, .corrupted = corrupted})
      .verdict;
}

}  // namespace

TEST_CASE("a model does a task whose answers it says, because of what the prompt says") {
  CHECK(of(part(19), around(3), around(0)) == Verdict::does);
  CHECK(of(part(20), around(-3), around(-6)) == Verdict::does);  // mean of a set of answers
}

TEST_CASE("preferring the answers without saying them is in part") {
  CHECK(of(part(10), around(3), around(0)) == Verdict::in_part);  // a coin does as well
  CHECK(of(part(0), around(3), around(0)) == Verdict::in_part);
}

TEST_CASE("no preference, or the same one for every prompt, is not doing it") {
  CHECK(of(part(5), around(0), around(-2)) == Verdict::cannot);
  CHECK(of(part(20), around(3), around(3)) == Verdict::cannot);
  CHECK(of(part(20), around(3), around(5)) == Verdict::cannot);
}

TEST_CASE("without wrong answers the likeliest token decides") {
  const auto of_prob = [](const Values& accuracy) {
    return judge(
               {.accuracy = accuracy, .logit_diff = {}, .clean = around(5), .corrupted = around(1)})
        .verdict;
  };
  CHECK(of_prob(part(19)) == Verdict::does);
  CHECK(of_prob(part(8)) == Verdict::in_part);
  CHECK(of_prob(part(0)) == Verdict::cannot);
}

TEST_CASE("four items are too few to say") {
  CHECK(of({1, 1, 1, 1}, {3, 3, 3, 3}, {0, 0, 0, 0}) == Verdict::too_few);
  CHECK(of({1, 1, 1, 1, 1}, {3, 3, 3, 3, 3}, {0, 0, 0, 0, 0}) == Verdict::does);
}

TEST_CASE("one value has a mean, and neither an error nor an interval") {
  const Summary one = summarize({4.014});
  CHECK(one.mean == 4.014);
  CHECK(std::isnan(one.standard_error));
  CHECK(std::isnan(one.low));
  CHECK(std::isnan(one.high));
  CHECK_FALSE(one.has_interval());
  const Summary two = summarize({4.0, 4.0});
  CHECK(two.has_interval());
  CHECK(two.standard_error == 0.0);
  const Judgement found =
      judge({.accuracy = {1.0}, .logit_diff = {4.0}, .clean = {4.0}, .corrupted = {0.0}});
  CHECK(found.verdict == Verdict::too_few);
  CHECK(found.reason.find("nan") == std::string::npos);
  // The scale is of means alone, and one prompt has those.
  CHECK(normal_scale({4.0}, {0.0}).has_value());
  CHECK_FALSE(normal_scale({4.0}, {4.0}).has_value());
}
