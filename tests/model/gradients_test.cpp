// Gradients at every hook point against differences of real forward passes.
#include "lib/model/gradients.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "hooks/edits.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

class OnePoint final : public GradientTap {
 public:
  explicit OnePoint(HookPoint point) : point_(point) {}
  [[nodiscard]] bool wants(HookPoint point) const override { return point == point_; }
  void visit(const Visit&, const Tensor& seen, const Tensor& found) override {
    value = seen;
    gradient = found;
    ++visits;
  }
  Tensor value, gradient;
  int visits = 0;

 private:
  HookPoint point_;
};

bool differentiable(Site site) {
  return site != Site::tokens && site != Site::mlp_expert_indices;
}

// Some smooth function of the logits of each row.
Tensor some_number(const Tensor& logits) {
  const Tensor weights = at::arange(logits.size(1), logits.options()).mul(0.37).sin();
  return (logits * weights).sum(1) + 0.1 * logits.square().mean(1);
}

double typical_size(const Tensor& value) {
  return value.to(at::kDouble).nan_to_num(0.0, 0.0, 0.0).square().mean().sqrt().item<double>();
}

// d(sum over rows)/dε of adding ε·direction at a point, by central differences.
double measured_slope(
    const Model& model, const Batch& batch, HookPoint point, const Tensor& direction, double step) {
  const auto at = [&](double size) {
    Edits edits;
    edits.at(hook_name(point.site, point.layer)).apply([&](const Visit&, const Tensor& value) {
      return value + (size * direction).to(value.scalar_type());
    });
    const Tensor logits = model.forward(batch, edits, {.logits = Logits::last}).logits;
    return some_number(logits).to(at::kDouble).sum().item<double>();
  };
  return (at(step) - at(-step)) / (2 * step);
}

// How far the gradient's slope is from the measured one, relative to the gradient's size along some
// direction.
double gap_at(const Model& model, const Batch& batch, HookPoint point) {
  OnePoint tap(point);
  gradients(model, batch, some_number, tap);
  REQUIRE(tap.visits == 1);
  REQUIRE(tap.gradient.sizes() == tap.value.sizes());
  const Tensor direction =
      at::arange(tap.value.numel(), at::kFloat).mul(0.7).sin().view(tap.value.sizes()) *
      typical_size(tap.value);
  const Tensor slopes = tap.gradient.to(at::kDouble) * direction.to(at::kDouble);
  const double scale = slopes.square().sum().sqrt().item<double>();
  double nearest = std::numeric_limits<double>::infinity();
  for (const double step : {2e-3, 7e-4, 3e-4}) {  // between two of the larger a ReLU may kink
    const double measured = measured_slope(model, batch, point, direction, step);
    nearest = std::min(nearest, std::abs(slopes.sum().item<double>() - measured));
    if (nearest / (scale + 1e-2) < 1e-2) {
      break;
    }
  }
  return nearest / (scale + 1e-2);
}

}  // namespace

TEST_CASE("the gradient at every hook point of every family is the slope of the forward pass") {
  for (const FixtureModel& fixture : all_fixtures()) {
    const Model model = load(fixture);
    const auto expected = read_tensors(fixture.expected);
    const Batch batch = batch_of({prompt(expected, 0), prompt(expected, 1)});
    for (const HookPoint point : hook_points(model.config())) {
      if (!differentiable(point.site)) {
        continue;
      }
      CAPTURE(fixture.name, hook_name(point.site, point.layer));
      CHECK(gap_at(model, batch, point) < 2e-2);
    }
  }
}

TEST_CASE("gradients come with the logits of the forward pass and change nothing in the model") {
  const FixtureModel fixture = huggingface_fixture("llama3_gqa_tied");
  const Model model = load(fixture);
  const Batch batch = batch_of({prompt(read_tensors(fixture.expected), 0)});
  OnePoint tap({Site::z, 1});
  const GradientResult result = gradients(model, batch, some_number, tap);
  const Tensor logits = model.forward(batch, {.logits = Logits::last}).logits;
  CHECK(difference(result.logits, logits) < 1e-5);
  CHECK_FALSE(logits.requires_grad());
  CHECK_FALSE(tap.gradient.requires_grad());
}

TEST_CASE("an objective without a gradient, or of the wrong shape, is refused") {
  const FixtureModel fixture = huggingface_fixture("gpt2");
  const Model model = load(fixture);
  const Batch batch = batch_of({prompt(read_tensors(fixture.expected), 0)});
  OnePoint tap({Site::z, 0});
  const auto rank = [](const Tensor& logits) { return logits.gt(0).sum(1).to(at::kFloat); };
  CHECK_THROWS_AS(gradients(model, batch, rank, tap), UsageError);
  const auto matrix = [](const Tensor& logits) { return logits; };
  CHECK_THROWS_AS(gradients(model, batch, matrix, tap), UsageError);
  OnePoint tokens({Site::tokens});
  CHECK_THROWS_AS(gradients(model, batch, some_number, tokens), UsageError);
}
