// Methods that need more than pairs: an atlas, a task, more layers, ranks.
#include <algorithm>
#include <cmath>

#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_svdvals.h>

#include "analyses/head_detectors/atlas.h"
#include "analyses/metric/summary.h"
#include "analyses/steering/applied.h"
#include "analyses/steering/contrast.h"
#include "analyses/steering/edit_taps.h"
#include "analyses/steering/neutral_text.h"
#include "analyses/steering/steer_method.h"
#include "analyses/steering/steer_sweep.h"
#include "hooks/edits.h"
#include "hooks/intervention_json.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"
#include "tests/steering/examples.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

SteerRequest split_request(const Model& model, const SteerData& data, SteerSettings settings) {
  const SteerSplit split = split_of(data, 0.25, 0);
  return {.model = model,
          .fit = split.fit,
          .held_out = split.held_out,
          .settings = std::move(settings)};
}

// Twelve pairs of prompts of four tokens, given as tokens.
std::string task_lines() {
  std::string lines;
  for (int i = 0; i < 12; ++i) {
    lines += fmt::format(
        "{{\"clean_tokens\": [5, {}, 7, 9], \"corrupted_tokens\": [6, {}, 8, 9], "
        "\"answer_tokens\": [11], \"wrong_tokens\": [12]}}\n",
        10 + i,
        10 + i);
  }
  return lines;
}

double mean_score(const Model& model, const SteerData& data, const TapMaker& change) {
  return mean_of(Contrast(data).scores(model, change));
}

}  // namespace

TEST_CASE("boost turns up the heads that an atlas of this model gives the role") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerData data = data_of(pair_lines(), model, folder);
  const std::string atlas = folder.file("a.h5").string();
  write_roles(model, atlas, model.source().weights_hash);
  const auto fitted = [&](SteerSettings settings) {
    settings.atlas = atlas;
    return fit_steering(find_steer_method("boost"), split_request(model, data, settings));
  };
  CHECK(to_json(fitted({.detector = "induction"}).edits) ==
        to_json(at_heads({{0, 1}, {1, 3}, {1, 0}}, Op::scale, 1.5)));
  const Steering two = fitted({.top = 2, .alpha = 3.0, .detector = "induction"});
  CHECK(to_json(two.edits) == to_json(at_heads({{0, 1}, {1, 3}}, Op::scale, 3.0)));
  CHECK(two.chosen["heads"][1]["detector_score"] == 0.7);
  CHECK_THROWS_WITH(fitted({.detector = "inductoin"}), contains("did you mean induction"));
  CHECK_THROWS_WITH(fitted({}), contains("--detector is missing"));
  write_roles(model, folder.file("a.h5"), "xxh3:0");
  CHECK_THROWS_WITH(fitted({.detector = "induction"}), contains("of another model"));
}

TEST_CASE("a function vector is what the best heads write at the last token of clean prompts") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerRequest request =
      split_request(model, data_of(task_lines(), model, folder), {.top = 3, .alpha = 2.0});
  const Steering steering = fit_steering(find_steer_method("function-vector"), request);

  std::vector<Tensor> means;  // of z at the last token of the clean prompts, by layer
  for (int layer = 0; layer < model.config().n_layers; ++layer) {
    Tensor sum = at::zeros({model.config().n_heads, model.config().d_head}, at::kFloat);
    for (const SteerItem& item : request.fit.items) {
      Recorder z(std::vector<std::string>{hook_name(Site::z, layer)});
      model.forward(Batch({item.prompt.tokens}), z);
      sum = sum + z.at(hook_name(Site::z, layer))[0][-1];
    }
    means.push_back(sum / static_cast<double>(request.fit.items.size()));
  }
  SteerData corrupted = request.fit;
  for (SteerItem& item : corrupted.items) {
    item.prompt = *item.corrupted;
  }
  const double base = mean_score(model, corrupted, unchanged);
  Tensor vector = at::zeros({model.config().d_model}, at::kFloat);
  REQUIRE(!steering.chosen["heads"].empty());
  for (const OrderedJson& one : steering.chosen["heads"]) {
    const HeadId head = parse_head_id(one["head"].get<std::string>());
    const Tensor mean = means[static_cast<std::size_t>(head.layer)][head.head];
    vector = vector + mean.matmul(model.W_O(head.layer)[head.head]);
    const double replaced = mean_score(model, corrupted, [&] {
      auto edits = std::make_unique<Edits>();
      edits
          ->at(hook_name(Site::z, static_cast<int>(head.layer)),
               {.heads = {{head.head}}, .positions = {{-1}}})
          .replace(mean);
      return edits;
    });
    CHECK(one["effect"].get<double>() == Approx(replaced - base).margin(1e-5));
  }
  REQUIRE(steering.direction.points.size() == 1);
  CHECK(difference(steering.direction.points[0].values, vector) < 1e-5);
  CHECK(steering.edits[0].factor == 2.0);
  CHECK(steering.edits[0].where.positions == std::vector<std::int64_t>{-1});

  // No layer does better.
  const auto at_layer = [&](int layer) {
    return mean_score(model, corrupted, [&] {
      auto edits = std::make_unique<Edits>();
      edits->at(hook_name(Site::resid_post, layer), {.positions = {{-1}}}).add(vector, 2.0);
      return edits;
    });
  };
  const double best = std::max({at_layer(0), at_layer(1), at_layer(2)});
  CHECK(mean_score(model, corrupted, taps_of(model, steering.direction, steering.edits)) ==
        Approx(best).margin(1e-5));
}

TEST_CASE("ACT calibrates heads that it helps, none of the first two layers or the last") {
  const TempFolder folder;
  const Model three = load(huggingface_fixture("llama"));
  const Model model = altered(three, [](ModelConfig& config, Weights& weights) {
    for (const std::size_t layer : {0U, 1U}) {  // five layers
      config.layers.push_back(config.layers[layer]);
      weights.blocks.push_back(weights.blocks[layer]);
    }
    config.n_layers = 5;
  });
  const SteerData data = data_of(pair_lines(), three, folder);
  const SteerRequest request = split_request(model, data, {.top = 3, .alpha = 0.95});
  const Steering steering = fit_steering(find_steer_method("act"), request);
  const double base = mean_score(model, request.fit, unchanged);
  const auto effect_of = [&](const HeadId& head) {
    return mean_score(model,
                      request.fit,
                      [&] {
                        auto edits = std::make_unique<Edits>();
                        edits
                            ->at(hook_name(Site::pattern, static_cast<int>(head.layer)),
                                 {.heads = {{head.head}}, .apply = {.phase = Phase::prefill}})
                            .calibrate_sinks(0.1, 0.95);
                        return edits;
                      }) -
           base;
  };
  double best = 0.0;
  for (const std::int64_t layer : {2, 3}) {
    for (std::int64_t head = 0; head < model.config().n_heads; ++head) {
      best = std::max(best, effect_of({layer, head}));
    }
  }
  const OrderedJson& chosen = steering.chosen["heads"];
  REQUIRE(!chosen.empty());
  CHECK(chosen[0]["effect"].get<double>() == Approx(best).epsilon(1e-3));
  for (const OrderedJson& one : chosen) {
    const HeadId head = parse_head_id(one["head"].get<std::string>());
    CHECK((head.layer == 2 || head.layer == 3));
    CHECK(one["effect"].get<double>() == Approx(effect_of(head)).epsilon(1e-3));
    CHECK(one["estimate"].get<double>() ==
          Approx(one["effect"].get<double>()).epsilon(0.15).margin(4e-4));
  }
  CHECK(steering.edits[0].op == Op::calibrate_sinks);
  CHECK(steering.edits[0].factor == 0.95);
  CHECK(steering.edits[0].threshold == 0.1);
}

TEST_CASE("low-rank keeps the directions that queries lie along most, all of them cost nothing") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerData data = data_of(pair_lines(), model, folder);
  const SteerRequest all = split_request(model, data, {.top = 12, .rank = 8});
  const Steering whole = fit_steering(find_steer_method("low-rank"), all);
  CHECK(whole.edits.size() == 3);
  const Json& held = whole.direction.scores["held_out"];
  CHECK(held["after"].get<double>() == Approx(held["before"].get<double>()).margin(1e-4));

  const std::string point = "blocks.1.attn.hook_q";
  std::vector<Tensor> rows;
  for (const SteerItem& item : all.fit.items) {
    Recorder q(std::vector<std::string>{point});
    model.forward(Batch({item.prompt.tokens}), q);
    rows.push_back(q.at(point)[0].select(1, 2));
  }
  const Tensor x = at::cat(rows).to(at::kDouble);  // head 2's
  const Tensor strengths = at::linalg_svdvals(x);
  const Tensor axes = whole.direction.points[1].values[2].to(at::kDouble);  // [8, d_head]
  for (const std::int64_t axis : {0, 1, 5}) {
    CHECK(x.matmul(axes[axis]).pow(2).sum().sqrt().item<double>() ==
          Approx(strengths[axis].item<double>()).epsilon(1e-4));
  }

  // Fewer of them are the first ones.
  write_direction(whole.direction, whole.edits, folder.file("d"));
  std::vector<Intervention> stored = whole.edits;
  for (Intervention& edit : stored) {
    edit.values.file->path = folder.file("d");
  }
  const ControlEdits two = at_rank(model, stored, 2);
  REQUIRE(two.edits.size() == 3);
  CHECK(two.edits[1].site == point);
  CHECK(difference(two.named.at(two.edits[1].values.name)[2], axes.narrow(0, 0, 2)) < 1e-6);
  CHECK_THROWS_WITH(at_rank(model, stored, 9), contains("the edits hold 8 directions"));
  CHECK_THROWS_WITH(at_rank(model, at_heads({{0, 1}}, Op::zero, 1.0), 1), contains("has no rank"));
  CHECK_THROWS_WITH(
      fit_steering(find_steer_method("low-rank"), split_request(model, data, {.rank = 9})),
      contains("heads have 8 directions"));
  CHECK_THROWS_WITH(fit_steering(find_steer_method("low-rank"),
                                 split_request(model, data, {.site = "attn.hook_z"})),
                    contains("hook_q, hook_k or hook_v"));
}

TEST_CASE("low-rank of values is of the heads that the chosen ones read") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const SteerData data = data_of(task_lines(), model, folder);
  const Steering steering =
      fit_steering(find_steer_method("low-rank"),
                   split_request(model, data, {.top = 1, .site = "attn.hook_v", .rank = 2}));
  REQUIRE(steering.edits.size() == 1);
  CHECK_FALSE(steering.edits[0].where.heads);
  CHECK(steering.edits[0].where.kv_heads->size() == 1);
  CHECK(steering.direction.points[0].values.size(0) == model.config().n_kv_heads);
}

TEST_CASE("plain text is given the spans that edits name, where the task's prompts have them") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerData data = data_of(
      "{\"prompt\": \"a b c d\", \"positive\": \" e\", \"negative\": \" f\", "
      "\"spans\": {\"key\": [1, 3]}}\n",
      model,
      folder);
  const Prompt& prompt = data.items[0].prompt;
  const Span own = prompt.spans.at("key");
  const auto length = static_cast<double>(prompt.tokens.size());
  const SpanShare share = span_shares(data).at("key");
  CHECK(share.begin == static_cast<double>(own.begin) / length);
  CHECK(share.end == static_cast<double>(own.end) / length);

  write_text(folder.file("text"), "a b c d e f g h i j k l m n o p q r s t u v w x y z");
  const NeutralText neutral(model, folder.file("text"), 20);
  std::vector<Intervention> edits = at_heads({{1, 2}}, Op::renormalize, 0.01, Site::attn_scores);
  edits[0].where.keys.except = TokenSet{.spans = {"key"}};
  const double kl = neutral.under(model, taps_of(model, edits), {{"key", {0.25, 0.5}}}).kl;
  edits[0].where.keys.except = TokenSet{.ranges = {{5, 10}}};
  CHECK(kl > 1e-7);
  CHECK(kl == Approx(neutral.under(model, taps_of(model, edits)).kl).epsilon(1e-6));
}
