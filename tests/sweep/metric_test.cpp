// What accuracy and rank say where logits are equal, or no numbers.
#include "analyses/metric/metric.h"

#include <cmath>
#include <limits>

#include "lib/tensor/ops.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

MetricInput metric_input(const Tensor& logits, const std::vector<std::int64_t>& answers) {
  const auto count = static_cast<std::int64_t>(answers.size());
  return {logits, at::tensor(answers).view({1, count}), at::full({1, 1}, -1, at::kLong), {}};
}

double value_of(const std::string& metric, const MetricInput& in) {
  return find_metric(metric).values(in).item<double>();
}

Tensor logits_row(const std::vector<float>& values) {
  return at::tensor(values).view({1, static_cast<std::int64_t>(values.size())});
}

}  // namespace

TEST_CASE("equal logits are no hit: the answer's rank is behind everything it ties with") {
  const MetricInput flat = metric_input(at::zeros({1, 50}), {7});
  CHECK(value_of("accuracy", flat) == 0.0);
  CHECK(value_of("rank", flat) == 49.0);
  const MetricInput tie = metric_input(logits_row({1, 3, 3, 2}), {1});
  CHECK(value_of("accuracy", tie) == 0.0);
  CHECK(value_of("rank", tie) == 1.0);
  const MetricInput ahead = metric_input(logits_row({1, 3, 2.5, 2}), {1});
  CHECK(value_of("accuracy", ahead) == 1.0);
  CHECK(value_of("rank", ahead) == 0.0);
  CHECK(value_of("rank", metric_input(logits_row({1, 3, 2.5, 2}), {3})) == 2.0);
}

TEST_CASE("logits that only bf16 makes equal are a tie; answers that tie with each other are not") {
  const Tensor exact = logits_row({20.0f, 20.01f, 3.0f});
  CHECK(value_of("accuracy", metric_input(exact, {1})) == 1.0);
  const Tensor rounded = exact.to(at::kBFloat16).to(at::kFloat);
  CHECK(value_of("accuracy", metric_input(rounded, {1})) == 0.0);
  CHECK(value_of("accuracy", metric_input(rounded, {0, 1})) == 1.0);
  CHECK(value_of("accuracy", metric_input(rounded, {0, 1, -1, -1})) == 1.0);  // a padded row
}

TEST_CASE("logits that are no number are no hit") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(value_of("accuracy", metric_input(logits_row({nan, nan, nan}), {1})) == 0.0);
  CHECK(value_of("rank", metric_input(logits_row({nan, nan, nan}), {1})) == 2.0);
}

TEST_CASE("metrics of probabilities are what a hand counts, and KL goes from the clean run") {
  MetricInput in = metric_input(logits_row({0.8f, 0.1f, 0.1f}).log(), {0});
  in.clean = logits_row({0.5f, 0.25f, 0.25f}).log();
  in.wrong = at::tensor(std::vector<std::int64_t>{1}).view({1, 1});
  CHECK(value_of("kl", in) == Approx(0.5 * std::log(0.5 / 0.8) + 0.5 * std::log(0.25 / 0.1)));
  CHECK(value_of("prob", in) == Approx(0.8));
  CHECK(value_of("prob_diff", in) == Approx(0.7));
  CHECK(value_of("log_prob", in) == Approx(std::log(0.8)));
  CHECK(value_of("logit_diff", in) == Approx(std::log(8.0)));
}
