// Heads that move names, letters and answers: on a model that has one, and against other parts of
// headscope that measure the same.
#include <algorithm>
#include <cmath>

#include "analyses/circuit/attention_to.h"
#include "analyses/circuit/copying.h"
#include "analyses/head_detectors/arithmetic_heads.h"
#include "analyses/head_detectors/context_mass.h"
#include "analyses/head_detectors/detectors/letter_mover.h"
#include "analyses/head_detectors/detectors/name_mover.h"
#include "analyses/head_detectors/end_attention.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/sweep/induction_task.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// The induction task, where the token behind the two places is a name, or a letter.
Task marked_task(const std::vector<std::int64_t>& lengths) {
  Task task = induction_task(3, lengths);
  for (TaskItem& item : task.items) {
    const bool first = item.answers[0] == item.clean.tokens[kFirstPlace + 1] &&
                       item.clean.tokens.back() == item.clean.tokens[kFirstPlace];
    const std::int64_t right = (first ? kFirstPlace : kSecondPlace) + 1;
    const std::int64_t wrong = (first ? kSecondPlace : kFirstPlace) + 1;
    for (Prompt* prompt : {&item.clean, &item.corrupted}) {
      prompt->spans["IO"] = {right, right + 1};
      prompt->spans["S1"] = {wrong, wrong + 1};
      prompt->spans["LA"] = {kFirstPlace + 1, kFirstPlace + 2};
      prompt->spans["LB"] = {kSecondPlace + 1, kSecondPlace + 2};
    }
    item.answer_texts = {first ? " A" : " B"};
  }
  return task;
}

Model signed_induction(double sign) {
  return altered(induction_model(), [&](ModelConfig& c, Weights& weights) {
    Tensor& W_O = weights.blocks[1].W_O;
    W_O = W_O.clone();
    W_O.narrow(1, kInductionHead.head * c.d_head, c.d_head).mul_(sign);
  });
}

bool ours(std::int64_t layer, std::int64_t head) {
  return layer == kInductionHead.layer && head == kInductionHead.head;
}

void for_each_head(const std::function<void(std::int64_t, std::int64_t)>& check) {
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    for (std::int64_t head = 0; head < kInductionHeads; ++head) {
      CAPTURE(layer, head);
      check(layer, head);
    }
  }
}

}  // namespace

TEST_CASE("a head that attends to the answer and writes it moves names; its opposite takes them") {
  const Task task = marked_task({12, 12, 13});
  for (const double sign : {1.0, -1.0}) {
    const Model model = signed_induction(sign);
    const NameMoving found = name_moving({.model = model, .seeds = {0}}, task, 0);
    CAPTURE(sign);
    for_each_head([&](std::int64_t layer, std::int64_t head) {
      const bool moves = ours(layer, head);
      CHECK(found.copies[layer][head].item<double>() == (moves && sign > 0 ? 1.0 : 0.0));
      CHECK(found.suppresses[layer][head].item<double>() == (moves && sign < 0 ? 1.0 : 0.0));
      if (moves) {
        CHECK(found.to_io.select(1, layer).select(1, head).min().item<double>() > 0.99);
        CHECK(found.to_s.select(1, layer).select(1, head).max().item<double>() < 0.01);
      }
    });
  }
}

TEST_CASE("attention and copy scores of names are those of the circuit tools") {
  for (const std::string name : {"gpt2", "llama3_gqa_tied", "gemma2"}) {
    const Model model = load(huggingface_fixture(name));
    Task task = random_task({.lengths = {9, 8, 9}, .d_vocab = model.config().d_vocab});
    for (TaskItem& item : task.items) {
      for (Prompt* prompt : {&item.clean, &item.corrupted}) {
        prompt->spans = {{"IO", {1, 2}}, {"S1", {3, 5}}};
      }
    }
    const NameMoving found = name_moving({.model = model, .seeds = {0}}, task, 0);
    const std::vector<HeadId> heads{{1, 0}, {1, 3}};
    const auto attention = attention_to(model, task, {"all", "end", heads}, {"IO", "S1"});
    const auto copies = copy_scores(model, task, heads, {"IO", "S1"});
    for (std::size_t i = 0; i < heads.size(); ++i) {
      CAPTURE(name, i);
      const auto of = [&](const Tensor& table) {
        return table.select(-2, heads[i].layer).select(-1, heads[i].head).mean().item<double>();
      };
      CHECK(of(found.to_io) == Approx(attention[i][0]).margin(1e-5));
      CHECK(of(found.to_s) == Approx(attention[i][1]).margin(1e-5));
      CHECK(of(found.copies) == Approx(copies[i].copies));
      CHECK(of(found.suppresses) == Approx(copies[i].suppresses));
    }
  }
}

TEST_CASE("path patching finds the one head whose direct path carries the answer") {
  const Task task = induction_task(5, {12, 12, 13});
  const ArithmeticHeads found = arithmetic_heads(induction_model(), task, 0.5);
  CHECK(found.accuracy == 1.0);
  REQUIRE(found.items == static_cast<std::int64_t>(task.items.size()));
  for_each_head([&](std::int64_t layer, std::int64_t head) {
    const Tensor drops = found.drop.select(1, layer).select(1, head);
    const double want = ours(layer, head) ? 1.0 : 0.0;
    CHECK(drops.min().item<double>() == Approx(want).margin(1e-3));
    CHECK(drops.max().item<double>() == Approx(want).margin(1e-3));
  });
}

TEST_CASE("a model that does not do the task has no heads for it") {
  const ArithmeticHeads found =
      arithmetic_heads(signed_induction(-1), induction_task(5, {12}), 0.2);
  CHECK(found.accuracy == 0.0);
  CHECK_FALSE(found.drop.defined());
}

TEST_CASE("the head that looks at the right letter and writes it is told from the others") {
  const Task task = marked_task({12, 12});
  for (const double sign : {1.0, -1.0}) {
    CAPTURE(sign);
    const Model model = signed_induction(sign);
    CHECK(letter_accuracy(model, task) == (sign > 0 ? 1.0 : 0.0));
    const LetterMoving found = letter_moving(model, task);
    for_each_head([&](std::int64_t layer, std::int64_t head) {
      const double direct = found.direct[layer][head].item<double>();
      CHECK(direct == Approx(ours(layer, head) ? sign * kInductionLogit : 0.0).margin(1e-3));
      if (ours(layer, head)) {
        const Tensor attention = found.attention.select(1, layer).select(1, head);
        CHECK(attention.min().item<double>() > 0.99);
        CHECK(found.control.select(1, layer).select(1, head).max().item<double>() < -0.99);
      }
    });
  }
  Task strange = task;
  strange.items[0].answer_texts = {" Z"};
  CHECK_THROWS_AS(letter_moving(induction_model(), strange), UsageError);
}

TEST_CASE("what the induction head raises is all in the context") {
  ContextTokens tokens{{5, 9, 2, 7, 3, 11}, {1, 4, 6, 8, 10, 12}, 7};
  std::vector<std::int32_t> prompt{0};
  prompt.insert(prompt.end(), tokens.in.begin(), tokens.in.end());
  prompt.insert(prompt.end(), tokens.in.begin(), tokens.in.end());
  const Tensor masses = context_masses(induction_model(), tokens, prompt, {});
  REQUIRE(masses.size(1) == 3);  // every second of six queries
  for_each_head([&](std::int64_t layer, std::int64_t head) {
    const Tensor of_head = masses.select(2, layer).select(2, head);
    CHECK(of_head[0].min().item<double>() == Approx(ours(layer, head) ? 1.0 : 0.0).margin(1e-4));
    CHECK(of_head[1].max().item<double>() == Approx(0.0).margin(1e-4));
  });
}

TEST_CASE("the share that is raised is that of the logits above their mean") {
  const Model model = load(huggingface_fixture("gemma2"));
  const ModelConfig& c = model.config();
  const Tensor written = at::arange(2 * c.d_model, at::kFloat).sin().view({2, c.d_model});
  const Tensor logits =
      at::matmul(written * model.weights().ln_final.gain, model.weights().W_U.t());
  const Tensor got = raised_share(model, written, {{3, 8}, {4}, 0});
  for (std::int64_t row = 0; row < 2; ++row) {
    const double mean = logits[row].mean().item<double>();
    const auto above = [&](std::int64_t id) {
      return std::max(0.0, logits[row][id].item<double>() - mean);
    };
    double whole = 0.0;
    for (std::int64_t id = 0; id < c.d_vocab; ++id) {
      whole += above(id);
    }
    CHECK(got[0][row].item<double>() == Approx((above(3) + above(8)) / whole).margin(1e-5));
    CHECK(got[1][row].item<double>() == Approx(above(4) / whole).margin(1e-5));
  }
  const Tensor shares = at::full({1}, 0.25, at::kDouble);
  CHECK(above_chance(shares, 25, 100).item<double>() == Approx(0.0));
  CHECK(above_chance(shares, 1, 12).item<double>() == Approx(0.5));
}
