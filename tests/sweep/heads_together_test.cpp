// Sets of heads changed at once, and cells that are named spans.
#include <cmath>

#include "analyses/sweep/positions.h"
#include "analyses/sweep/sweep.h"
#include "analyses/sweep/sweep_method.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

SweepTable together_table(const Model& model, const Task& task, const SweepSpec& spec) {
  SweepTable table(grid_of(model, task, spec).size(), static_cast<std::int64_t>(task.items.size()));
  CHECK(run_sweep(model, task, spec, {.memory = 1 << 30}, table));
  return table;
}

// The corrupted run of one item with these heads' z taken from its clean run, by hand.
double set_by_hand(const Model& model, const TaskItem& item, const std::vector<HeadId>& heads) {
  Recorder clean{"blocks.*.attn.hook_z"};
  model.forward(Batch({item.clean.tokens}), clean, {.logits = Logits::none});
  Edits edits;
  for (const HeadId& head : heads) {
    const std::string name = hook_name(Site::z, static_cast<int>(head.layer));
    edits.at(name, {.heads = {{head.head}}}).apply([&clean, name](const Visit&, const Tensor&) {
      return clean.at(name);
    });
  }
  const Tensor logits =
      model.forward(Batch({item.corrupted.tokens}), edits, {.logits = Logits::last}).logits[0];
  double right = 0;
  for (const TokenId answer : item.answers) {
    right += logits[answer].item<double>() / static_cast<double>(item.answers.size());
  }
  return right - logits[item.wrong.front()].item<double>();
}

}  // namespace

TEST_CASE("a set of heads is one cell: the run in which all of them are changed") {
  const OtherRun source(Run::clean);
  for (const char* name : {"llama", "gemma2"}) {
    const Model model = load(huggingface_fixture(name));
    const Task task =
        random_task({.lengths = {9, 10}, .differ_from = {4, 6}, .d_vocab = model.config().d_vocab});
    SweepSpec spec{.source = &source, .metric = &find_metric("logit_diff")};
    spec.together = {{0, 1}, {1, 0}, {1, 2}};
    const SweepTable set = together_table(model, task, spec);
    const Grid grid = grid_of(model, task, spec);
    REQUIRE(grid.size() == 1);
    CHECK(grid.axes().front().name == "heads");
    CHECK(grid.axes().front().labels == std::vector<std::string>{"0.1+1.0+1.2"});
    for (std::size_t i = 0; i < task.items.size(); ++i) {
      const double value = set.value(0, static_cast<std::int64_t>(i));
      CHECK(value == Approx(set_by_hand(model, task.items[i], spec.together)).margin(1e-4));
      CHECK(std::abs(value - set.baseline(Run::corrupted)[i]) > 1e-4);
    }
    spec.together = {{1, 2}};
    const SweepTable one = together_table(model, task, spec);
    spec.together.clear();
    const SweepTable all = together_table(model, task, spec);
    const std::int64_t cell = grid_of(model, task, spec).index({1, 2});
    CHECK(one.value(0, 1) == Approx(all.value(cell, 1)).margin(1e-4));
  }
}

TEST_CASE("sets that mean nothing are refused") {
  CHECK(parse_head_set("").empty());
  CHECK(parse_head_set("23.3,0.11") == std::vector<HeadId>{{23, 3}, {0, 11}});
  CHECK_THROWS_AS(parse_head_set("23.3,23.3"), UsageError);
  CHECK_THROWS_AS(parse_head_set("23"), UsageError);
  CHECK_THROWS_AS(check_head_set({{0, 0}}, Site::mlp_out), UsageError);
  const Model model = load(huggingface_fixture("llama"));
  const Task task = random_task({.d_vocab = model.config().d_vocab});
  const OtherRun source(Run::clean);
  SweepSpec spec{.source = &source, .metric = &find_metric("logit_diff")};
  spec.together = {{0, 99}};
  CHECK_THROWS_AS(grid_of(model, task, spec), UsageError);
}

TEST_CASE("cells over spans: those of prompts of different lengths, equal to --positions SPAN") {
  const Model model = load(huggingface_fixture("llama"));
  const OtherRun source(Run::clean);
  Task task = random_task(
      {.lengths = {9, 11, 12}, .differ_from = {4, 3, 9}, .d_vocab = model.config().d_vocab});
  for (TaskItem& item : task.items) {
    item.clean.spans["last"] = {item.length() - 1, item.length()};
    item.corrupted.spans = item.clean.spans;
  }
  task.items.front().clean.spans["here alone"] = {0, 1};
  SweepSpec spec{.source = &source, .metric = &find_metric("logit_diff")};
  spec.over_positions = true;
  CHECK_THROWS_AS(grid_of(model, task, spec), UsageError);  // of three lengths
  spec.over_spans = true;
  const Grid grid = grid_of(model, task, spec);
  CHECK(grid.axes()[2].name == "span");
  CHECK(grid.axes()[2].labels == std::vector<std::string>{"S", "last"});
  const SweepTable spans = together_table(model, task, spec);
  for (std::int64_t span = 0; span < 2; ++span) {
    SweepSpec of_one{.source = &source, .metric = &find_metric("logit_diff")};
    of_one.positions.text = grid.axes()[2].labels[static_cast<std::size_t>(span)];
    const SweepTable one = together_table(model, task, of_one);
    for (std::int64_t head = 0; head < model.config().n_heads; ++head) {
      const std::int64_t there = grid_of(model, task, of_one).index({1, head});
      for (std::int64_t item = 0; item < 3; ++item) {
        CHECK(spans.value(grid.index({1, head, span}), item) ==
              Approx(one.value(there, item)).margin(1e-5));
      }
    }
  }
  CHECK(grid.name({1, 2, 1}) == "1.2 @last");
  task.items.front().clean.spans.clear();
  CHECK_THROWS_AS(grid_of(model, task, spec), UsageError);  // no span is everywhere
}
