// The autoencoder of discrete-code circuits, what heads write, and circuits of a model that is
// known.
#include "analyses/discrete_codes/code_circuit.h"

#include <algorithm>
#include <cmath>

#include "analyses/discrete_codes/code_circuit_run.h"
#include "analyses/discrete_codes/head_features.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/tensor/gaussian.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/induction_model.h"
#include "tests/support/one_thread.h"
#include "tests/sweep/known_effects.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// One step of Adam moves a weight by the learning rate against the sign of its gradient.
Tensor signs_of_step(const Tensor& before, const Tensor& after) {
  return (before - after).sign();
}

// ∂loss/∂weight of one element, from differences of the loss.
double slope(CodeSae sae, Tensor CodeSae::*weight, std::int64_t at, const Tensor& x, double l1) {
  constexpr double kStep = 1e-2;
  const Tensor original = (sae.*weight).clone();
  sae.*weight = original.clone();
  (sae.*weight).view(-1)[at] += kStep;
  const double up = code_sae_loss(sae, x, l1);
  (sae.*weight).view(-1)[at] -= 2 * kStep;
  const double down = code_sae_loss(sae, x, l1);
  return (up - down) / (2 * kStep);
}

// Prompts that end in a token which stood before, against ones that end in a new one: what the
// induction head's last output tells apart.
std::vector<TaskItem> repeated_or_new(std::uint64_t seed, std::int64_t count) {
  const Task task =
      induction_task(seed, std::vector<std::int64_t>(static_cast<std::size_t>(count), 12));
  std::vector<TaskItem> items;
  for (std::size_t i = 0; i < task.items.size(); i += 2) {
    TaskItem item = task.items[i];
    item.corrupted = item.clean;
    std::vector<TokenId>& tokens = item.corrupted.tokens;
    for (TokenId token = 1; token < static_cast<TokenId>(kInductionVocab); ++token) {
      if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) {
        tokens.back() = token;
      }
    }
    items.push_back(item);
  }
  return items;
}

}  // namespace

TEST_CASE("The first step of training goes down the loss in every weight") {
  const Tensor x = gaussian({12, 6}, 5, 0) * 3.0;
  constexpr double kL1 = 0.1;
  const CodeSaeOptions options{
      .codes = 5, .l1 = kL1, .learning_rate = 1e-4, .epochs = 1, .seed = 2};
  CodeSaeOptions none = options;
  none.epochs = 0;
  const CodeSae before = train_code_sae(x, none);
  const CodeSae after = train_code_sae(x, options);
  for (const auto weight : {&CodeSae::W_e, &CodeSae::b_e, &CodeSae::b}) {
    const Tensor sign = signs_of_step(before.*weight, after.*weight).view(-1);
    int checked = 0;
    for (std::int64_t i = 0; i < sign.numel(); ++i) {
      const double want = slope(before, weight, i, x, kL1);
      if (std::abs(want) > 3e-3) {  // the sign of a slope near 0 is rounding
        CHECK(sign[i].item<double>() == (want > 0 ? 1.0 : -1.0));
        ++checked;
      }
    }
    CHECK(checked > 0);
  }
  // Rows of W_d are turned, not stretched: Adam's step is not along the gradient, but that of a row
  // has no part along the row.
  CHECK((after.W_d - before.W_d).abs().max().item<double>() > 0.0);
  CHECK((before.W_d.pow(2).sum(1) - 1.0).abs().max().item<double>() < 1e-5);
}

TEST_CASE("Training lowers the loss, and the same seed gives the same weights") {
  const OneThread one;
  // Eight directions, one or two at a time: what a dictionary can find.
  const Tensor directions = gaussian({8, 16}, 1, 0);
  const Tensor x = at::relu(gaussian({60, 8}, 1, 1) - 0.8).matmul(directions);
  CodeSaeOptions options{.codes = 20, .l1 = 0.01, .epochs = 300, .seed = 4};
  const CodeSae trained = train_code_sae(x, options);
  CHECK(trained.W_d.equal(train_code_sae(x, options).W_d));
  options.epochs = 0;
  CHECK(code_sae_loss(trained, x, 0.01) < 0.5 * code_sae_loss(train_code_sae(x, options), x, 0.01));
}

TEST_CASE("A vector without an active feature has code 0") {
  const CodeSae sae{at::ones({2, 3}), at::full({3}, -10.0), at::ones({3, 2}), at::zeros({2})};
  CHECK(codes_of(sae, at::zeros({4, 2})).sum().item<std::int64_t>() == 0);
  const CodeSae one{
      at::ones({2, 3}), at::tensor({0.0F, 0.0F, 1.0F}), at::ones({3, 2}), at::zeros({2})};
  CHECK(codes_of(one, at::ones({1, 2})).item<std::int64_t>() == 2);
}

TEST_CASE("What a head writes is its z times W_O, averaged over its prompt's own tokens") {
  const Model model = induction_model(2);
  const Task task = induction_task(3, {9, 12, 12, 10});
  for (const OverPositions over : {OverPositions::mean, OverPositions::last}) {
    const Tensor features =
        head_features(model, task.items, Run::clean, {.over = over, .batch_tokens = 30});
    REQUIRE(features.sizes() == at::IntArrayRef(std::vector<std::int64_t>{
                                    8, 2 * kInductionHeads, model.config().d_model}));
    for (std::size_t item = 0; item < task.items.size(); ++item) {
      Recorder recorder({"blocks.*.attn.hook_result"});
      static_cast<void>(model.forward(Batch::of({&task.items[item].clean}), recorder));
      for (std::int64_t layer = 0; layer < 2; ++layer) {
        const Tensor result = recorder.at(hook_name(Site::result, static_cast<int>(layer)))[0];
        const Tensor want =
            over == OverPositions::mean ? result.mean(0) : result[result.size(0) - 1];
        const Tensor got = features[static_cast<std::int64_t>(item)].narrow(
            0, layer * kInductionHeads, kInductionHeads);
        CHECK((got - want).abs().max().item<double>() < 1e-5);
      }
    }
  }
}

TEST_CASE("In a model whose circuit is known, codes find the heads that differ") {
  const OneThread one;
  const Model model = induction_model();
  const std::vector<TaskItem> items = repeated_or_new(3, 16);
  CodeCircuitRequest request;
  request.over = OverPositions::last;
  request.options.examples = 20;
  request.options.scale = CodeScale::rms;
  request.options.sae = {.codes = 40, .l1 = 0.02, .epochs = 200, .seed = 1};
  request.seeds = 2;
  request.known = {kInductionHead};
  const CodeCircuits found = code_circuits(model, items, request);
  REQUIRE(found.node_auc.size() == 2);
  // A head without W_O writes nothing and has one code in all prompts.
  CHECK(found.nodes[HeadId{0, 0}] == 0.0);
  CHECK(found.nodes[kInductionHead] > 0.0);
  CHECK(mean_of(found.node_auc) > 0.7);
  CHECK(found.circuits[0].edges.size() == 28);
}

TEST_CASE("Codes that cannot be are errors") {
  const Model model = induction_model();
  const Task task = induction_task(3, {12, 12});
  CodeCircuitRequest request;
  request.options.sae.epochs = 5;
  request.options.examples = 9;  // of 4 clean and 4 corrupted
  CHECK_THROWS_WITH(code_circuits(model, task.items, request), contains("there are 8"));
  request.options.examples = 4;
  request.known = {{2, 0}};
  CHECK_THROWS_WITH(code_circuits(model, task.items, request), contains("2.0"));
  request.known = {};
  request.options.sae.l1 = 1e6;  // nothing is worth a feature
  request.options.sae.epochs = 50;
  request.options.sae.learning_rate = 0.1;
  CHECK_THROWS_WITH(code_circuits(model, task.items, request), contains("one and the same code"));
}
