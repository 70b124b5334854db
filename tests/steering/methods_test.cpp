// What methods learn, against the same by hand.
#include <algorithm>
#include <cmath>

#include <ATen/ops/cos.h>
#include <ATen/ops/sigmoid.h>

#include "analyses/metric/summary.h"
#include "analyses/steering/applied.h"
#include "analyses/steering/context_dependence.h"
#include "analyses/steering/contrast.h"
#include "analyses/steering/directions_by_layer.h"
#include "analyses/steering/edit_taps.h"
#include "analyses/steering/head_probes.h"
#include "analyses/steering/head_shift.h"
#include "analyses/steering/last_token.h"
#include "analyses/steering/linear_probe.h"
#include "analyses/steering/principal_direction.h"
#include "analyses/steering/steer_method.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/tensor/adam.h"
#include "lib/tensor/ops.h"
#include "tests/steering/examples.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Tensor rows(const std::vector<double>& values, std::int64_t columns) {
  return at::tensor(values, at::kDouble)
      .reshape({static_cast<std::int64_t>(values.size()) / columns, columns});
}

SteerRequest request_of(const Model& model, const TempFolder& folder, SteerSettings settings) {
  const SteerSplit split = split_of(data_of(pair_lines(" c", " d"), model, folder), 0.25, 0);
  return {.model = model,
          .fit = split.fit,
          .held_out = split.held_out,
          .settings = std::move(settings),
          .seed = 0};
}

}  // namespace

TEST_CASE("mean difference and separation, by hand") {
  const Tensor x =
      rows({1, 2, 5, 0, 3, 4, 7, 2}, 2);  // positive: (1, 2), (3, 4); others (5, 0), (7, 2)
  const std::vector<bool> positive{true, false, true, false};
  CHECK(difference(mean_difference(x, positive), at::tensor({-4.0, 2.0}, at::kDouble)) < 1e-12);
  // Along (1, 0): means 2 and 6, variances 1 and 1.
  CHECK(separation(x, at::tensor({1.0, 0.0}, at::kDouble), positive) == Approx(-4.0));
}

TEST_CASE(
    "the principal direction of pairs points to the positive, as far as their means lie apart") {
  // Differences of the pairs: (3, 4), (6, 8), (−3, −4): along (0.6, 0.8), mean (2, 8/3).
  const PointTexts texts{.values = rows({3, 4, 0, 0, 7, 8, 1, 0, 0, 1, 3, 5}, 2),
                         .positive = {true, false, true, false, true, false},
                         .kind = SteerData::Kind::continuations};
  const Tensor found = principal_direction(texts);
  CHECK(difference(found, at::tensor({2.0, 8.0 / 3.0}, at::kDouble)) < 1e-9);
  // Labelled texts: centred, so that what all share is no direction.
  const PointTexts labelled{.values = rows({100, 1, 100, -1, 100, 1, 100, -1}, 2),
                            .positive = {true, false, true, false},
                            .kind = SteerData::Kind::texts};
  CHECK(difference(principal_direction(labelled), at::tensor({0.0, 2.0}, at::kDouble)) < 1e-9);
}

TEST_CASE("a probe is the minimum of its loss") {
  const Tensor x = rows({0, 0, 1, 0.5, 2, 2, 0.5, 1, 3, 1, 1, 2}, 2);
  const std::vector<bool> positive{false, false, true, false, true, true};
  const LinearProbe probe = fit_probe(x, positive);
  CHECK(accuracy_of(probe, x, positive) == 1.0);
  const double unit = std::sqrt((x - x.mean(0)).pow(2).mean().item<double>());
  const auto loss = [&](const Tensor& weight, double bias) {
    double sum = 0.5 * (weight * unit).pow(2).sum().item<double>();
    for (std::size_t i = 0; i < positive.size(); ++i) {
      const double side = x[static_cast<std::int64_t>(i)].dot(weight).item<double>() + bias;
      sum += std::log1p(std::exp(positive[i] ? -side : side));
    }
    return sum;
  };
  const double least = loss(probe.weight, probe.bias);
  for (const double step : {-0.01, 0.01}) {
    CHECK(loss(probe.weight, probe.bias + step) > least);
    CHECK(loss(probe.weight + at::tensor({step, 0.0}, at::kDouble), probe.bias) > least);
    CHECK(loss(probe.weight + at::tensor({0.0, step}, at::kDouble), probe.bias) > least);
  }
}

TEST_CASE("ITI: the unit vector between the means, times the spread along it") {
  HeadProbes probes;
  probes.accuracy = HeadScores({1, 2});
  probes.positive = {true, true, false, false};
  probes.z = at::zeros({4, 1, 2, 2}, at::kDouble);
  // Head 1: positive (3, 1), (5, −1); others (−3, 1), (−5, −1): means (4, 0) and (−4, 0), so θ is
  // (1, 0); projections 3, 5, −3, −5 have the mean 0 and the variance (9 + 25)/2 = 17.
  probes.z.select(2, 1).squeeze(1).copy_(rows({3, 1, 5, -1, -3, 1, -5, -1}, 2));
  probes.probes = {{}, {at::tensor({0.0, -2.0}, at::kDouble), 0.0}};
  const Tensor found = probes.direction({0, 1}, false);
  CHECK(difference(found, at::tensor({std::sqrt(17.0), 0.0}, at::kFloat)) < 1e-5);
  // Of the probe's weights: θ = (0, −1), projections of spread 1.
  CHECK(difference(probes.direction({0, 1}, true), at::tensor({0.0, -1.0}, at::kFloat)) < 1e-5);
}

TEST_CASE("values of the last token are those of each text run alone") {
  const Model model = load(huggingface_fixture("llama"));
  const std::vector<std::vector<std::int32_t>> texts{
      {5, 6, 7, 8}, {9}, {10, 11}, {4, 4, 4, 4, 4, 4}};
  const auto found = last_token_values(model, texts, {{Site::z, 1}, {Site::resid_post, 2}}, 8);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Recorder alone{"blocks.1.attn.hook_z", "blocks.2.hook_resid_post"};
    model.forward(Batch({texts[i]}), alone);
    for (const std::string point : {"blocks.1.attn.hook_z", "blocks.2.hook_resid_post"}) {
      const Tensor value = alone.at(point)[0];
      CHECK(difference(found.at(point)[static_cast<std::int64_t>(i)], value[value.size(0) - 1]) <
            1e-5);
    }
  }
  CHECK_THROWS_AS(last_token_values(model, texts, {{Site::pattern, 0}}), UsageError);
}

TEST_CASE(
    "the mean difference that is kept is that of all examples to learn from, added everywhere") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerRequest request =
      request_of(model, folder, {.alpha = 3.0, .site = "attn.hook_z", .layers = {{1}}});
  const Steering steering = fit_steering(find_steer_method("mean-diff"), request);
  REQUIRE(steering.direction.points.size() == 1);
  CHECK(steering.direction.points[0].name == "blocks.1.attn.hook_z");
  Tensor sum = at::zeros({model.config().n_heads, model.config().d_head}, at::kFloat);
  for (const LabelledText& text : labelled_texts(request.fit)) {
    Recorder z{"blocks.1.attn.hook_z"};
    model.forward(Batch({text.tokens}), z);
    const Tensor value = z.at("blocks.1.attn.hook_z")[0];
    sum = sum + value[value.size(0) - 1] * (text.positive ? 1.0 : -1.0);
  }
  const Tensor want = sum / static_cast<double>(request.fit.items.size());
  CHECK(difference(steering.direction.points[0].values, want) < 1e-5);
  REQUIRE(steering.edits.size() == 1);
  CHECK(steering.edits[0].factor == 3.0);
  CHECK_FALSE(steering.edits[0].where.positions);
  const Json& held = steering.direction.scores["held_out"];
  const Contrast contrast(request.held_out);
  CHECK(held["before"].get<double>() == Approx(mean_of(contrast.scores(model, unchanged))));
  CHECK(
      held["after"].get<double>() ==
      Approx(mean_of(contrast.scores(model, taps_of(model, steering.direction, steering.edits)))));
}

TEST_CASE("a knockout takes the heads whose loss alone raises the score most") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerRequest request = request_of(model, folder, {.top = 2});
  const Steering steering = fit_steering(find_steer_method("knockout"), request);
  const Contrast contrast(request.fit);
  const double base = mean_of(contrast.scores(model, unchanged));
  HeadScores effects({model.config().n_layers, model.config().n_heads});
  for (const HeadId& head : effects.heads()) {
    effects[head] =
        mean_of(contrast.scores(model, taps_of(model, at_heads({head}, Op::zero, 1.0)))) - base;
  }
  const OrderedJson& chosen = steering.chosen["heads"];
  REQUIRE(!chosen.empty());
  for (const OrderedJson& one : chosen) {
    const HeadId head = parse_head_id(one["head"].get<std::string>());
    CHECK(one["effect"].get<double>() == Approx(effects[head]).margin(1e-6));
    CHECK(effects[head] > 0.0);
  }
  CHECK(chosen[0]["effect"].get<double>() ==
        Approx(*std::max_element(effects.values.begin(), effects.values.end())));
}

TEST_CASE("VHR keeps heads above the median of their layer, outliers of both kinds left out") {
  ContextDependence found{HeadScores({2, 4}), HeadScores({2, 4})};
  found.change.values = {1, 2, 3, 9, 1, 2, 3, 9};
  found.without.values = {1, 1, 1, 1, 1, 1, 1, 9};
  // Layer 0: the median of 1, 2, 3, 9 is 2.5. Layer 1: head 3 is beyond both bounds, so 0; the
  // median of 1, 2, 3, 0 is 1.5.
  CHECK(context_heads(found, 0) == std::vector<HeadId>{{0, 2}, {0, 3}});
  CHECK(context_heads(found, 1) == std::vector<HeadId>{{1, 1}, {1, 2}});

  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerData data =
      data_of(R"({"prompt": "a b c", "positive": "d", "negative": "e", "spans": {"key": [1, 3]}})",
              model,
              folder);
  const ContextDependence own = context_dependence(model, data, "key");
  const std::vector<std::int32_t>& tokens = data.items[0].prompt.tokens;
  std::vector<std::int32_t> without = tokens;
  without.erase(without.begin() + 1, without.begin() + 3);
  const auto z = [&](const std::vector<std::int32_t>& prompt) {
    Recorder seen{"blocks.2.attn.hook_z"};
    model.forward(Batch({prompt}), seen);
    return seen.at("blocks.2.attn.hook_z")[0][-1][1].clone();
  };
  CHECK(own.change[{2, 1}] ==
        Approx((z(tokens) - z(without)).pow(2).sum().sqrt().item<double>()).epsilon(1e-4));
  CHECK(own.without[{2, 1}] == Approx(z(without).pow(2).sum().item<double>()).epsilon(1e-4));
  CHECK_THROWS_WITH(context_dependence(model, data, "keys"), contains("did you mean key"));
}

TEST_CASE("a head's shift has the gradients of finite differences, and Adam goes down them") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerData data = data_of(pair_lines(" c", " d"), model, folder);
  const Contrast contrast(data);
  const auto shift = std::make_shared<HeadShift>();
  shift->scale = at::full({3, 4, 8}, 0.1, at::kFloat);
  shift->offset = at::full({3, 4, 8}, -0.05, at::kFloat);
  const std::vector<double> weights(data.items.size(), 0.5);
  HeadShiftGradients tap(*shift);
  contrast.gradients(shifted(model, shift), tap, weights);
  const auto weighted = [&] {
    double sum = 0.0;
    for (const double score : contrast.scores(shifted(model, shift), unchanged)) {
      sum += 0.5 * score;
    }
    return sum;
  };
  const auto slope = [&](Tensor& parameters, std::int64_t i) {
    const float own = parameters[1][2][i].item<float>();
    parameters[1][2][i] = own + 0.02F;
    const double up = weighted();
    parameters[1][2][i] = own - 0.02F;
    const double down = weighted();
    parameters[1][2][i] = own;
    return (up - down) / 0.04;
  };
  for (const std::int64_t i : {0, 5}) {
    CHECK(tap.sums.scale[1][2][i].item<double>() ==
          Approx(slope(shift->scale, i)).epsilon(0.03).margin(1e-4));
    CHECK(tap.sums.offset[1][2][i].item<double>() ==
          Approx(slope(shift->offset, i)).epsilon(0.03).margin(1e-4));
  }
  // Adam's first step is the rate against the gradient's sign, but for the decay.
  const Tensor start = at::tensor({1.0, -2.0}, at::kFloat);
  Adam adam(start, {.rate = 0.1, .weight_decay = 0.01});
  const Tensor moved = adam.step(start, at::tensor({0.3, -7.0}, at::kFloat));
  CHECK(difference(moved, at::tensor({0.999 - 0.1, -1.998 + 0.1}, at::kFloat)) < 1e-5);
}

TEST_CASE("what is estimated of heads is what is measured, where the change is small") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  for (const auto& [method, positive] :
       {std::pair<std::string, std::string>{"temperature", "d"},
        {"pasta", "d"},
        {"pasta", " was great"},  // of several tokens, whose keys keep their weight
        {"scale", "d"}}) {
    CAPTURE(method, positive);
    std::string lines;
    for (int i = 0; i < 12; ++i) {
      lines += "{\"prompt\": \"a b c" + std::to_string(i) + "\", \"positive\": \"" + positive +
               "\", \"negative\": \"e\", \"spans\": {\"key\": [1, 3]}}\n";
    }
    const SteerSplit split = split_of(data_of(lines, model, folder), 0.25, 0);
    SteerSettings settings{.top = 3, .alpha = method == "pasta" ? 0.95 : 1.05};
    if (method == "pasta") {
      settings.span = "key";
    }
    const Steering steering = fit_steering(
        find_steer_method(method),
        {.model = model, .fit = split.fit, .held_out = split.held_out, .settings = settings});
    for (const OrderedJson& one : steering.chosen["heads"]) {
      CHECK(one["estimate"].get<double>() ==
            Approx(one["effect"].get<double>()).epsilon(0.1).margin(1e-5));
    }
    if (method == "pasta") {
      REQUIRE(steering.edits[0].where.keys.except);
      CHECK(steering.edits[0].where.keys.except->spans == std::vector<std::string>{"key"});
    }
  }
}

TEST_CASE("every method that needs no atlas learns, and says what it does not read") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  for (const SteerMethod& method : all_steer_methods()) {
    CAPTURE(method.name);
    if (method.name == "boost" || method.name == "function-vector" || method.name == "vhr" ||
        method.name == "pasta" || method.name == "act" || method.name == "successor-shift") {
      continue;  // they need a file, a task, a span, more layers: head_methods_test.cpp; numbers
    }
    const SteerRequest request = request_of(model, folder, {});
    const Steering steering = fit_steering(method, request);
    CHECK(steering.direction.method == method.name);
    CHECK(!steering.edits.empty());
    write_direction(steering.direction, steering.edits, folder.file(std::string(method.name)));
    CHECK_NOTHROW(read_direction(folder.file(std::string(method.name))));
    SteerSettings unread{.atlas = "a.h5"};
    SteerRequest wrong = request;
    wrong.settings = unread;
    CHECK_THROWS_WITH(fit_steering(method, wrong), contains("does not read --atlas"));
  }
  CHECK_THROWS_WITH(find_steer_method("mean-dif"), contains("did you mean mean-diff"));
}
