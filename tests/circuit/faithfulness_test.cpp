// Circuits kept, taken out and drawn at random.
#include "analyses/circuit/faithfulness.h"

#include "analyses/metric/summary.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Task one_template(const Model& model) {
  Task task = random_task({.lengths = {9, 9, 9}, .d_vocab = model.config().d_vocab});
  for (TaskItem& item : task.items) {
    item.template_name = "one";
  }
  return task;
}

HeadCircuit whole(const ModelConfig& config) {
  HeadCircuit circuit{{{"all", "all", {}}}};
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (std::int64_t head = 0; head < config.n_heads; ++head) {
      circuit.classes[0].heads.push_back({layer, head});
    }
  }
  return circuit;
}

void check_near(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i] == Approx(b[i]).margin(1e-5));
  }
}

}  // namespace

TEST_CASE("the whole model is a faithful circuit, and no head is none") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const Task task = one_template(model);
  const CircuitEvaluator evaluator(model, task, find_metric("logit_diff"));
  const FaithfulnessResult all = evaluator.run(whole(model.config()));
  check_near(all.circuit, all.model);
  check_near(all.complement, all.nothing);
  CHECK(share_of(all.circuit, {1.0, 1.0, 1.0}).value() == Approx(mean_of(all.model)).margin(1e-4));
  const FaithfulnessResult none = evaluator.run({{{"none", "all", {}}}});
  check_near(none.circuit, none.nothing);
  check_near(none.complement, none.model);
}

TEST_CASE(
    "a circuit keeps its heads where they act, and the mean of the corrupted runs elsewhere") {
  const Model model = load(huggingface_fixture("gpt2"));
  const Task task = one_template(model);
  const HeadCircuit circuit{{{"some", "S", {{1, 2}}}, {"last", "end", {{0, 1}}}}};
  const auto got =
      CircuitEvaluator(model, task, find_metric("logit_diff")).metric_with(circuit, Kept::circuit);

  Recorder corrupted{"blocks.*.attn.hook_z"};
  std::vector<std::vector<std::int32_t>> prompts;
  for (const TaskItem& item : task.items) {
    prompts.push_back(item.corrupted.tokens);
  }
  model.forward(batch_of(prompts), corrupted);
  for (std::size_t i = 0; i < task.items.size(); ++i) {
    const TaskItem& item = task.items[i];
    const Span span = item.clean.spans.at("S");
    Edits edits;
    edits.at("blocks.*.attn.hook_z").apply([&](const Visit& visit, const Tensor& z) {
      Tensor out = corrupted.at(visit.name()).mean(0, true).clone();
      if (visit.point.layer == 1) {
        for (std::int64_t t = span.begin; t < span.end; ++t) {
          out.select(1, t).select(1, 2).copy_(z.select(1, t).select(1, 2));
        }
      }
      if (visit.point.layer == 0) {
        out.select(1, 8).select(1, 1).copy_(z.select(1, 8).select(1, 1));
      }
      return out;
    });
    const Tensor logits =
        model.forward(batch_of({item.clean.tokens}), edits, {.logits = Logits::last}).logits[0];
    const auto logit = [&](TokenId id) { return logits[id].item<double>(); };
    const double want =
        (logit(item.answers[0]) + logit(item.answers[1])) / 2 - logit(item.wrong[0]);
    CHECK(got[i] == Approx(want).margin(1e-4));
  }
}

TEST_CASE(
    "random circuits have the shape of the one they are compared with, and none of its heads") {
  const ModelConfig config = load(huggingface_fixture("gpt2")).config();
  const HeadCircuit circuit{{{"a", "end", {{0, 0}, {1, 1}}}, {"b", "S", {{0, 2}}}}};
  const HeadCircuit random = random_circuit(circuit, config, 7);
  REQUIRE(random.classes.size() == 2);
  CHECK(random.classes[0].heads.size() == 2);
  CHECK(random.classes[1].at == "S");
  CHECK(overlap_of(circuit, random).shared.empty());
  CHECK(random.heads().size() == 3);
  CHECK((random_circuit(circuit, config, 7).heads() == random.heads()));
  CHECK_THROWS_AS(random_circuit(whole(config), config, 0), UsageError);
}

TEST_CASE("what circuits share") {
  const HeadCircuit a{{{"x", "end", {{0, 0}, {1, 1}}}, {"y", "end", {{1, 1}}}}};
  const HeadCircuit b{{{"z", "all", {{1, 1}, {2, 0}, {2, 1}}}}};
  const Overlap overlap = overlap_of(a, b);
  CHECK(overlap.first == 2);
  CHECK(overlap.second == 3);
  CHECK((overlap.shared == std::vector<HeadId>{{1, 1}}));
  CHECK(overlap.jaccard() == Approx(0.25));
}

TEST_CASE("items without another of their template are left out") {
  Task task = random_task({.lengths = {9, 9, 9}, .d_vocab = 50});  // even, odd, even
  const Task kept = with_partners(task);
  REQUIRE(kept.items.size() == 2);
  CHECK(kept.items[1].id == "2");
  task.items.pop_back();
  CHECK_THROWS_AS(with_partners(task), UsageError);
}

TEST_CASE("a share of what is not clearly above zero is refused") {
  CHECK(share_of({1.0, 1.0}, {2.0, 2.0}).value() == Approx(0.5));
  CHECK_FALSE(share_of({1.0, 1.0}, {-2.0, -2.0}));  // the model does the opposite
  CHECK_FALSE(share_of({1.0, 1.0}, {3.0, -2.9}));   // noise
  CHECK_FALSE(share_of({1.0, 1.0}, {0.0, 0.0}));
  CHECK_FALSE(faithfulness_above_nothing({{1, 2}, {1, 1}, {}, {1, 2}}));
  CHECK(faithfulness_above_nothing({{4, 4.1}, {3, 3}, {}, {2, 2.1}}).value() ==
        Approx(0.475).margin(1e-6));
}
