// Ablation, gradient importance and value drain against runs with hooks.
#include "analyses/head_detectors/text_loss.h"

#include <cmath>

#include <fmt/format.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/zeros.h>

#include "analyses/head_detectors/detectors/value_drain.h"
#include "analyses/head_detectors/head_importance.h"
#include "analyses/head_detectors/massive_activations.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/induction_model.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::vector<std::string> kTextLossFamilies{"gpt2", "gpt_neox", "llama3_gqa_tied", "gemma2"};

using Prompts = std::vector<std::vector<std::int32_t>>;

Prompts some_prompts(const Model& model) {
  Prompts prompts{{1, 5, 9, 2, 7, 3}, {8, 4, 4, 6, 1, 0}};
  for (auto& prompt : prompts) {
    for (std::int32_t& id : prompt) {
      id = id % static_cast<std::int32_t>(model.config().d_vocab);
    }
  }
  return prompts;
}

// log p of each next token by a run with this tap.
Tensor by_run(const Model& model, const Prompts& prompts, Tap&& tap) {
  const Tensor log_p = at::log_softmax(model.forward(Batch(prompts), tap).logits, -1);
  Tensor out = at::zeros({log_p.size(0), log_p.size(1) - 1}, at::kFloat);
  for (std::int64_t b = 0; b < out.size(0); ++b) {
    for (std::int64_t t = 0; t < out.size(1); ++t) {
      const auto next = prompts[static_cast<std::size_t>(b)][static_cast<std::size_t>(t) + 1];
      out[b][t] = log_p[b][t][next];
    }
  }
  return out;
}

}  // namespace

TEST_CASE("log-probabilities without a head are those of a run whose z is zeroed") {
  for (const std::string& name : kTextLossFamilies) {
    const Model model = load(huggingface_fixture(name));
    const Prompts prompts = some_prompts(model);
    const HeadAblation ablation(model, prompts);
    CHECK(difference(ablation.whole(), by_run(model, prompts, NoTap())) < 1e-5);
    for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
      const Tensor without = ablation.without_heads_of(layer);
      for (std::int64_t head = 0; head < model.config().n_heads; ++head) {
        CAPTURE(name, layer, head);
        Edits off;
        off.at(fmt::format("blocks.{}.attn.hook_z", layer),
               Selection{.heads = std::vector<std::int64_t>{head}})
            .zero();
        CHECK(difference(without[head], by_run(model, prompts, std::move(off))) < 1e-4);
      }
    }
  }
}

TEST_CASE("importance is the slope of the loss where the head is scaled") {
  for (const std::string& name : kTextLossFamilies) {
    const Model model = load(huggingface_fixture(name));
    const Prompts prompts = some_prompts(model);
    const HeadImportance found = head_importance(model, prompts, 0);
    REQUIRE(found.importance.size(0) == 2);
    const double step = 0.1;
    for (std::int64_t head = 0; head < model.config().n_heads; ++head) {
      const auto loss = [&](double factor) {
        Edits scaled;
        scaled.at("blocks.1.attn.hook_z", Selection{.heads = std::vector<std::int64_t>{head}})
            .scale(factor);
        return -by_run(model, prompts, std::move(scaled)).mean(1);
      };
      const Tensor slope = ((loss(1 + step) - loss(1 - step)) / (2 * step)).abs();
      CAPTURE(name, head);
      for (std::int64_t b = 0; b < 2; ++b) {
        CHECK(found.importance[b][1][head].item<double>() ==
              Approx(slope[b].item<double>()).epsilon(0.03).margin(2e-5));
      }
    }
    CHECK(difference(found.control, found.importance) > 1e-6);
  }
}

TEST_CASE("only the heads that the answer needs matter to text that repeats") {
  const Model model = induction_model();
  const Prompts prompts{{0, 5, 9, 2, 7, 3, 11, 5, 9, 2, 7, 3, 11}};
  const HeadAblation ablation(model, prompts);
  const HeadImportance slope = head_importance(model, prompts, 0);
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    // Of the second copy: before it the induction head finds nothing and spoils the guess.
    const Tensor lost =
        (ablation.whole() - ablation.without_heads_of(layer)).narrow(2, 7, 5).mean({1, 2});
    for (std::int64_t head = 0; head < kInductionHeads; ++head) {
      CAPTURE(layer, head);
      const bool needed = (layer == 0 && head == kPreviousTokenHead.head) ||
                          (layer == 1 && head == kInductionHead.head);
      const double of_head = lost[head].item<double>();
      CHECK((needed ? of_head > 1.0 : std::abs(of_head) < 1e-4));
      const bool writes = layer == 1 && head == kInductionHead.head;
      CHECK((slope.importance[0][layer][head].item<double>() > 1e-4) == writes);
    }
  }
}

TEST_CASE("what a head writes of a token is the norm of its value times W_O") {
  for (const std::string& name : kTextLossFamilies) {
    const Model model = load(huggingface_fixture(name));
    const ModelConfig& c = model.config();
    const Prompts prompts = some_prompts(model);
    Recorder values{"blocks.1.attn.hook_v"};
    model.forward(Batch(prompts), values);
    const Tensor v = values.at("blocks.1.attn.hook_v");
    const Tensor norms = written_norms(model, prompts);
    for (std::int64_t head = 0; head < c.n_heads; ++head) {
      CAPTURE(name, head);
      const Tensor own = v.select(2, head / c.heads_per_kv());
      const Tensor want = at::matmul(own, model.W_O(1)[head]).norm(2, {-1});
      CHECK(difference(norms.select(2, 1).select(2, head), want) < 1e-5);
    }
  }
}

TEST_CASE("drain is 1 where nothing is written of the token and 0 where as much as of others") {
  Tensor norms = at::ones({2, 4, 1, 2}, at::kDouble);
  norms[0][0][0][0] = 0.0;   // writes nothing of the first token
  norms[1][0][0][0] = 10.0;  // ten times as much
  norms[0][2][0][1] = 7.0;   // the others of head 1 are 1, 7, 1
  const Tensor first = drain_at(norms, at::zeros({2}, at::kLong));
  CHECK(first[0][0][0].item<double>() == Approx(1.0));
  CHECK(first[1][0][0].item<double>() == Approx(-9.0));
  CHECK(first[0][0][1].item<double>() == Approx(1 - 1 / 3.0));
  const Tensor third = drain_at(norms, at::full({2}, 2, at::kLong));
  CHECK(third[0][0][1].item<double>() == Approx(-6.0));  // 1, 1: the first is no other
  CHECK(third[0][0][0].item<double>() == Approx(0.0));
}

TEST_CASE("massive activations are found where they are put") {
  const Model plain = load(huggingface_fixture("llama"));
  const Prompts prompts{{3, 5, 9, 2}, {3, 7, 1, 8}};
  for (const LayerActivations& layer : massive_activations(plain, prompts)) {
    CHECK(layer.massive.empty());
  }
  const Model spiked = altered(plain, [](ModelConfig&, Weights& weights) {
    weights.W_E = weights.W_E.clone();
    weights.W_E[3][11] = -40000.0F;
  });
  const auto layers = massive_activations(spiked, prompts);
  REQUIRE(layers.size() == static_cast<std::size_t>(plain.config().n_layers));
  REQUIRE(layers[0].massive.size() == 1);
  CHECK(layers[0].massive[0].dim == 11);
  CHECK(layers[0].massive[0].token == 0);
  CHECK(layers[0].massive[0].prompts == 2);
  CHECK(layers[0].massive[0].largest == Approx(-40000.0).epsilon(0.01));
  CHECK(layers[0].first_norm == Approx(40000.0).epsilon(0.01));
  CHECK(layers[0].other_norm < 1000.0);
}
