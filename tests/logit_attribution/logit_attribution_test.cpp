// Direct logit attribution against the logits of the model.
#include <cmath>
#include <limits>

#include <ATen/ops/tensor.h>

#include "lib/base/error.h"
#include "tests/logit_attribution/attributed.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("shares sum to the logits of every family, run alone and unpadded") {
  for (const FixtureModel& fixture : all_fixtures()) {
    const Model real = load(fixture);
    if (!why_no_sum(real.config()).empty()) {
      continue;
    }
    for (const Model& model : {marked(real), real}) {
      const Task task = task_of(model, {9, 10, 11, 12});
      const Model uncapped =
          altered(model, [](ModelConfig& config, Weights&) { config.logit_softcap = 0; });
      for (const Run run : {Run::clean, Run::corrupted}) {
        const LogitAttribution result = attributed(model, task.items, {.run = run});
        for (std::size_t i = 0; i < task.items.size(); ++i) {
          const TaskItem& item = task.items[i];
          const double clean = logit_diff(run_alone(uncapped, item.clean.tokens), 0, item);
          const double corrupted = logit_diff(run_alone(uncapped, item.corrupted.tokens), 0, item);
          CAPTURE(fixture.name, i, run == Run::clean, sum_of(result, i), clean, corrupted);
          CHECK(close(sum_of(result, i), run == Run::clean ? clean : corrupted));
          CHECK(close(result.clean[i], clean));
          CHECK(close(result.corrupted[i], corrupted));
        }
      }
    }
  }
}

TEST_CASE("a prompt's shares are the same alone and padded among others") {
  for (const std::string name : {"gpt2", "gemma3", "llama", "gpt_neox"}) {
    const Model model = load(huggingface_fixture(name));
    const Task task = task_of(model, {9, 10, 11, 12});
    const LogitAttribution together = attributed(model, task.items);
    const LogitAttribution alone = attributed(model, task.items, {.batch_tokens = 1});
    REQUIRE(together.shares.size() == alone.shares.size());
    for (std::size_t i = 0; i < alone.shares.size(); ++i) {
      CAPTURE(name, i);
      REQUIRE(std::isnan(together.shares[i]) == std::isnan(alone.shares[i]));
      CHECK((std::isnan(alone.shares[i]) || close(together.shares[i], alone.shares[i])));
    }
  }
}

TEST_CASE("the direction is a mean over the answers less a mean over the wrong tokens") {
  std::vector<TaskItem> items = random_task({.d_vocab = 40}).items;
  const LogitDirection both = direction_of(items, {2, 0}, LogitTarget::logit_diff);
  CHECK(both.tokens == std::vector<std::int64_t>{0, 2, 3, 5, 7, 9});
  CHECK(identical(
      both.weights,
      at::tensor({0.F, .5F, 0.F, .5F, 0.F, -1.F, .5F, 0.F, .5F, 0.F, -1.F, 0.F}).view({2, 6})));
  CHECK(direction_of(items, {1}, LogitTarget::answer_logit).tokens ==
        std::vector<std::int64_t>{1, 4});
  CHECK(logit_target(items, {}) == LogitTarget::logit_diff);
  items[1].wrong.clear();
  CHECK_THROWS_WITH(logit_target(items, {}), contains("item 1 has no wrong answers"));
  CHECK(logit_target(items, LogitTarget::answer_logit) == LogitTarget::answer_logit);
  items[0].wrong.clear();
  items[2].wrong.clear();
  CHECK(logit_target(items, {}) == LogitTarget::answer_logit);
}

TEST_CASE("without wrong tokens the answers' mean logit is attributed") {
  const Model model = load(huggingface_fixture("gpt2_untied"));
  Task task = task_of(model, {9, 9, 9});
  const LogitAttribution result =
      attributed(model, task.items, {.target = LogitTarget::answer_logit});
  for (std::size_t i = 0; i < 3; ++i) {
    const Tensor logits = run_alone(model, task.items[i].clean.tokens);
    CHECK(close(sum_of(result, i), logit_of(logits, 0, task.items[i].answers)));
  }
}

TEST_CASE("logits that are not finite, no items and a stop end an attribution") {
  const Model model = load(huggingface_fixture("llama"));
  const Task task = task_of(model, {9, 9, 9});
  const Model broken = altered(model, [](ModelConfig&, Weights& weights) {
    weights.ln_final.gain = weights.ln_final.gain * std::numeric_limits<float>::quiet_NaN();
  });
  CHECK_THROWS_WITH(attribute_logits(broken, task.items, {}), contains("not finite"));
  CHECK_FALSE(attribute_logits(model, task.items, {.stop = [] { return true; }}));
  CHECK_THROWS_AS(attribute_logits(model, {}, {}), UsageError);
}

TEST_CASE("cells are labelled by what they hold; a model has those of its own parts alone") {
  const auto labels = [](const Components& components, std::int64_t cell) {
    const auto& axes = components.axes();
    const auto row = static_cast<std::size_t>(cell / axes[1].size());
    const auto part = static_cast<std::size_t>(cell % axes[1].size());
    return axes[0].labels.at(row) + "." + axes[1].labels.at(part);
  };
  const Components gpt2(load(huggingface_fixture("gpt2")));
  CHECK(labels(gpt2, gpt2.token()) == "embed.token");
  CHECK(labels(gpt2, gpt2.position()) == "embed.position");
  CHECK(labels(gpt2, gpt2.of(Node::of({0, 2}))) == "0.2");
  CHECK(labels(gpt2, gpt2.of(Node::of({1, 0}))) == "1.0");
  CHECK(labels(gpt2, gpt2.of(Node::mlp(1))) == "1.mlp");
  CHECK(labels(gpt2, gpt2.bias(0)) == "0.bias");
  CHECK(labels(gpt2, gpt2.final_bias()) == "final.bias");
  const Components llama(load(huggingface_fixture("llama")));
  CHECK(labels(llama, llama.of(Node::mlp(2))) == "2.mlp");
  CHECK(labels(llama, llama.size() - 1) == "2.token");  // no biases, no learned positions
  CHECK_THROWS_AS(llama.bias(0), InternalError);
  CHECK_THROWS_AS(llama.position(), InternalError);
}
