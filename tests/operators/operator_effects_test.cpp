// Operators measured by the shortcuts (one attention a layer, heads as rows, the columns that can
// change) against a whole pass of a changed model for every head.
#include "analyses/operators/operator_effects.h"

#include <cmath>

#include "lib/base/error.h"
#include "lib/model/attention_plan.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::vector<std::int32_t> kText{5, 9, 7, 3, 8, 6, 4, 11, 12, 10, 2, 13};

const std::vector<double>& of(const LayerEffects& effects, OperatorMeasure measure) {
  return effects[static_cast<std::size_t>(measure)];
}

}  // namespace

TEST_CASE("an operator's effects by shortcuts are those of whole passes") {
  using M = OperatorMeasure;
  for (const char* name : {"llama3_gqa_tied", "gpt2", "gptj", "gemma2"}) {
    const Model model = load(huggingface_fixture(name));
    const OperatorEffects effects(model, kText);
    for (const char* text : {"streaming:sink=1,local=3", "top-k:k=2"}) {
      CAPTURE(name, text);
      const OperatorChoice choice = parse_operator(text);
      for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
        const LayerEffects fast = effects.of_layer(layer, choice);
        const LayerEffects plain = effects.of_layer(
            layer, choice, {.execution = OperatorEffectsOptions::Execution::plain});
        for (std::size_t head = 0; head < of(fast, M::nll).size(); ++head) {
          CHECK(std::abs(of(fast, M::nll)[head] - of(plain, M::nll)[head]) < 1e-5);
          CHECK(std::abs(of(fast, M::kl)[head] - of(plain, M::kl)[head]) < 1e-5);
          CHECK(of(fast, M::kl)[head] > 0.0);
          CHECK(of(fast, M::z_change)[head] > 0.0);
          CHECK(of(fast, M::out_change)[head] > 0.0);
          CHECK(of(fast, M::retained)[head] < 1.0);
        }
      }
    }
  }
}

TEST_CASE("what an operator keeps is what its definition says") {
  using M = OperatorMeasure;
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const OperatorEffects effects(model, kText);
  const LayerEffects window = effects.of_layer(0, parse_operator("window:local=3"));
  CHECK(std::abs(of(window, M::density)[0] - 33.0 / 78.0) < 1e-9);  // 1 + 2 + 10·3 of 12·13/2
  const LayerEffects whole = effects.of_layer(0, parse_operator("window:local=12"));
  CHECK(of(whole, M::density)[0] == 1.0);
  CHECK(std::abs(of(whole, M::retained)[0] - 1.0) < 1e-6);
  CHECK(of(whole, M::z_change)[0] == 0.0);
  CHECK(of(whole, M::out_change)[0] == 0.0);
  CHECK(std::abs(of(whole, M::nll)[0] - effects.unchanged_nll()) < 1e-9);
  const LayerEffects top = effects.of_layer(0, parse_operator("top-k:k=3"));
  CHECK(std::abs(of(top, M::density)[0] - 33.0 / 78.0) < 1e-9);
  CHECK(of(top, M::retained)[0] > of(window, M::retained)[0]);  // no three keys have more
}

TEST_CASE("measuring refuses a model that is changed already, and texts without a next token") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  CHECK_THROWS_WITH(OperatorEffects(model, {5}), contains("at least two"));
  const std::vector<AttentionPlan::Part> parts{{parse_operator("window:local=4"), {{0, 0}}}};
  const Model changed =
      with_attention(model, std::make_shared<AttentionPlan>(parts, model.config()));
  CHECK_THROWS_WITH(OperatorEffects(changed, kText), contains("as it is"));
}
