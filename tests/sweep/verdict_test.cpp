// What a model can do, told from its values.
#include "analyses/metric/verdict.h"

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
