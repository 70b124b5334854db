// Ablations against the same written out with hooks.
#include "analyses/ablation/ablation.h"

#include <fmt/format.h>

#include "analyses/sweep/sweep.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Two templates, one of two lengths.
Task templates_of(const Model& model) {
  Task task = random_task({.lengths = {9, 9, 9, 9, 11, 11},
                           .differ_from = {5, 6, 7, 2, 4, 5},
                           .d_vocab = model.config().d_vocab});
  for (std::size_t i = 0; i < 6; ++i) {
    task.items[i].template_name = i < 2 ? "a" : "b";
  }
  return task;
}

Tensor z_of(const Model& model, const std::vector<TokenId>& tokens, std::int64_t layer) {
  const std::string name = fmt::format("blocks.{}.attn.hook_z", layer);
  Recorder seen(std::vector<std::string>{name});
  model.forward(Batch({tokens}), seen);
  return seen.at(name)[0];
}

double logit_diff_of(const Tensor& last, const TaskItem& item) {
  const auto logit = [&](TokenId id) { return last[id].item().toDouble(); };
  return (logit(item.answers[0]) + logit(item.answers[1])) / 2 - logit(item.wrong[0]);
}

// One head's z replaced by `value` [T, H, d_head] in the clean run of an item.
double replaced(const Model& model,
                const TaskItem& item,
                std::int64_t layer,
                std::int64_t head,
                const Tensor& value) {
  Edits edits;
  edits.at(fmt::format("blocks.{}.attn.hook_z", layer), {.heads = {{head}}}).replace(value);
  return logit_diff_of(
      model.forward(Batch({item.clean.tokens}), edits, {.logits = Logits::last}).logits[0], item);
}

SweepTable ablated(const Model& model,
                   const Task& task,
                   const ValueSource& source,
                   SweepOptions options = {}) {
  const SweepSpec spec{.into = Run::clean, .source = &source, .metric = &find_metric("logit_diff")};
  SweepTable table(grid_of(model, task, spec).size(), 6);
  options.memory = 1 << 30;
  run_sweep(model, task, spec, options, table);
  return table;
}

// Counts how often what it brings is formed.
class CountedZero final : public ValueSource {
 public:
  [[nodiscard]] std::vector<Site> sites(Run, const std::vector<Site>&) const override { return {}; }
  [[nodiscard]] Replacement of_batch(const BatchRuns& runs) const override {
    ++formed;
    return Zero().of_batch(runs);
  }
  [[nodiscard]] bool same_before_difference() const override { return false; }
  mutable int formed = 0;
};

}  // namespace

TEST_CASE("mean ablation takes the mean of one template and length, position by position") {
  const Model model = load(huggingface_fixture("llama"));
  const Task task = templates_of(model);
  const std::vector<std::vector<std::size_t>> groups{{0, 1}, {2, 3}, {4, 5}};
  for (const Run over : {Run::clean, Run::corrupted}) {
    const GroupMean source(model, task.items, over, {Site::z});
    const SweepTable table = ablated(model, task, source);
    for (const auto& group : groups) {
      const auto tokens = [&](std::size_t i) {
        return over == Run::clean ? task.items[i].clean.tokens : task.items[i].corrupted.tokens;
      };
      const Tensor mean = (z_of(model, tokens(group[0]), 1) + z_of(model, tokens(group[1]), 1)) / 2;
      for (const std::size_t i : group) {
        const double want = replaced(model, task.items[i], 1, 2, mean);
        const std::int64_t cell = model.config().n_heads + 2;
        CHECK(table.value(cell, static_cast<std::int64_t>(i)) == Approx(want).margin(1e-5));
      }
    }
  }
}

TEST_CASE("resampling gives every item another's value, each once, by the seed") {
  const Model model = load(huggingface_fixture("llama"));
  const Task task = templates_of(model);
  const Resample source(model, task.items, Run::corrupted, {Site::z}, 5);
  const SweepTable table = ablated(model, task, source);
  for (std::int64_t i = 0; i < 6; ++i) {
    const std::int64_t other = source.partner(i);
    CHECK(other == (i % 2 == 0 ? i + 1 : i - 1));  // groups of two leave no choice
    const TaskItem& item = task.items[static_cast<std::size_t>(i)];
    const Tensor value =
        z_of(model, task.items[static_cast<std::size_t>(other)].corrupted.tokens, 0);
    CHECK(table.value(3, i) == Approx(replaced(model, item, 0, 3, value)).margin(1e-5));
  }
}

TEST_CASE("the replacement of a value is formed once for all cells of a block, shortcut or plain") {
  const Model model = load(huggingface_fixture("llama"));
  const Task task = templates_of(model);
  const CountedZero source;
  const SweepTable fast = ablated(model, task, source);
  CHECK(source.formed == 1);
  const SweepTable plain =
      ablated(model, task, source, {.execution = SweepOptions::Execution::plain});
  CHECK(source.formed == 2);
  CHECK(plain.value(3, 0) == Approx(fast.value(3, 0)).margin(1e-5));
}

TEST_CASE("an item alone in its template cannot be averaged") {
  const Model model = load(huggingface_fixture("llama"));
  Task task = templates_of(model);
  task.items[0].template_name = "alone";
  CHECK_THROWS_WITH(GroupMean(model, task.items, Run::clean, {Site::z}),
                    contains("item 0 is the only one of template \"alone\" with 9 tokens"));
}
