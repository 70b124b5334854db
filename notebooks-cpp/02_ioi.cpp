// The circuit of indirect object identification in a model, found and tested, as a C++ notebook:
// run it and open the page it writes. `headscope reproduce ioi` does the same with more prompts.
//
//   build/notebooks/02_ioi [MODEL] [OUT.html]
#include <cstdio>

#include <fmt/format.h>

#include "analyses/circuit/attention_to.h"
#include "analyses/circuit/copying.h"
#include "analyses/circuit/faithfulness.h"
#include "analyses/circuit/reproductions.h"
#include "analyses/sweep/sweep.h"
#include "analyses/task/maker.h"
#include "cli/render/head_map.h"
#include "cli/render/report.h"
#include "lib/base/version.h"
#include "lib/families/load.h"

using namespace headscope;

namespace {

// %% [markdown]
// ## Tools
// What every cell needs, and a picture of one number a head.

// %%
constexpr std::int64_t kMemory = std::int64_t{1} << 30;

struct Study {
  Model model;
  Report& report;
};

std::string map_of_heads(const HeadScores& effects, const std::string& title) {
  HeatMap map = head_map(effects);
  map.title = title;
  map.value_name = "effect";
  map.color_map = ColorMap::diverging;
  return to_svg(map);
}

Task ioi(const Study& study, std::int64_t n, std::uint64_t seed, const std::string& corruption) {
  return make_task("ioi",
                   study.model.tokenizer(),
                   {.n = n, .seed = seed, .corruption = corruption, .templates = {}});
}

// %% [markdown]
// ## The task
// Two people are named, one of them twice; the sentence should end with the other one (Wang et al.
// 2022, arXiv:2211.00593). In the corrupted prompt, the second mention is of the other person.

// %%
void show_task(const Study& study, const Task& task) {
  Table table({{"clean"}, {"corrupted"}, {"answer"}});
  for (const TaskItem& item : task.items) {
    table.row({item.clean.text, item.corrupted.text, item.answer_texts.front()});
  }
  study.report.table(table);
}

// %% [markdown]
// ## Which heads carry the answer
// Activation patching: the corrupted run, with one head's output taken from the clean one. A cell
// is the mean change of the logit difference.

// %%
void patch_every_head(const Study& study, const Task& task) {
  const OtherRun source(Run::clean);
  const SweepSpec spec{.source = &source, .metric = &find_metric("logit_diff")};
  const Grid grid = grid_of(study.model, task, spec);
  SweepTable table(grid.size(), static_cast<std::int64_t>(task.items.size()));
  run_sweep(study.model, task, spec, {.memory = kMemory}, table);
  HeadScores effects(head_grid(study.model.config()));
  for (const HeadId& head : effects.heads()) {
    const std::int64_t cell = grid.index({.layer = head.layer, .head = head.head});
    effects[head] = table.mean(cell) - mean_of(table.corrupted());
  }
  study.report.text(fmt::format("Logit difference: {:.2f} clean, {:.2f} corrupted.",
                                mean_of(table.clean()),
                                mean_of(table.corrupted())));
  study.report.figure(map_of_heads(effects, "z of the corrupted run ← clean"));
}

// %% [markdown]
// ## Backwards from the answer
// Path patching: first the heads whose direct paths to the logits matter (*name movers*), then
// those that write what name movers ask for (*S-inhibition*), then those that tell these what to
// say, and so on. Now all three names of the corrupted prompt are strangers.

// %%
Discovery find_circuit(const Study& study, const Task& task) {
  const Discovery found = discover(study.model,
                                   task,
                                   {.stages = find_reproduction("ioi").stages,
                                    .metric = &find_metric("logit_diff"),
                                    .memory = kMemory,
                                    .most = 6});
  for (const StageResult& stage : found.stages) {
    HeadScores effects(stage.effects.grid, std::vector<double>());
    for (const Summary& effect : stage.effects.values) {
      effects.values.push_back(effect.mean);
    }
    if (!effects.empty()) {
      study.report.figure(map_of_heads(effects, stage.stage.name + " heads"));
    }
  }
  Table table({{"class"}, {"head"}, {"effect"}, {"95 % low"}, {"95 % high"}});
  for (const HeadClass& heads : found.circuit.classes) {
    for (const HeadId& head : heads.heads) {
      const Summary& effect = heads.effects.at(head);
      table.row({heads.name, to_string(head), effect.mean, effect.low, effect.high});
    }
  }
  study.report.table(table, "Every head whose paths matter.");
  return found;
}

// %% [markdown]
// ## What the heads that write the answer do
// In GPT-2 they look at the name that is the answer and their OV circuit writes the name it reads.
// A head may serve as well by looking at the other name and pushing it down. *copies*: the share of
// names among the five likeliest tokens after W_OV; *suppresses*: after −W_OV.

// %%
void look_at_movers(const Study& study, const Task& task, const HeadClass& movers) {
  const auto attention = attention_to(study.model, task, movers, {"IO", "S1", "S2"});
  const auto copying = copy_scores(study.model, task, movers.heads, {"IO", "S1"});
  Table table({{"head"}, {"to IO"}, {"to S1"}, {"to S2"}, {"copies"}, {"suppresses"}});
  for (std::size_t i = 0; i < movers.heads.size(); ++i) {
    table.row({to_string(movers.heads[i]),
               attention[i][0],
               attention[i][1],
               attention[i][2],
               copying[i].copies,
               copying[i].suppresses});
  }
  study.report.table(table, "Attention from the last token; copying.");
}

// %% [markdown]
// ## Is the circuit enough?
// On prompts it was not found on, every head outside it puts out its mean over strangers' names.
// What is left of the logit difference, against circuits of as many heads at random.

// %%
void test_circuit(const Study& study, const HeadCircuit& circuit) {
  const Task task = with_partners(ioi(study, 60, 1, "abc"));
  const CircuitEvaluator evaluator(study.model, task, find_metric("logit_diff"));
  const FaithfulnessResult result = evaluator.run(circuit);
  Table table({{"what runs"}, {"logit difference"}, {"of the model's"}});
  const auto row = [&](const std::string& name, const std::vector<double>& metric) {
    table.row({name, mean_of(metric), mean_of(metric) / mean_of(result.model)});
  };
  row("the model", result.model);
  row(fmt::format("the circuit, {} heads", circuit.heads().size()), result.circuit);
  row("the model without it", result.complement);
  row("no head", result.nothing);
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    row(fmt::format("random heads, draw {}", seed),
        evaluator.metric_with(random_circuit(circuit, study.model.config(), seed), Kept::circuit));
  }
  study.report.table(table);
}

// %% [markdown]
// ## All of it

// %%
int run(const std::string& name, const std::string& out) {
  Report report({.title = "Indirect object identification",
                 .subtitle = "The circuit of " + name,
                 .footer = fmt::format("headscope {}", kVersion),
                 .source = __FILE__});
  const Study study{load_model(name), report};
  const Task swapped = ioi(study, 4, 0, "s2_io");
  show_task(study, swapped);
  patch_every_head(study, swapped);
  const Task strangers = ioi(study, 6, 0, "abc");
  const Discovery found = find_circuit(study, strangers);
  if (const HeadClass* movers = found.circuit.find("name mover"); !movers->heads.empty()) {
    look_at_movers(study, strangers, *movers);
  }
  test_circuit(study, found.circuit);
  report.write(out);
  fmt::print("{}\n", out);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  return run(argc > 1 ? argv[1] : "smollm2", argc > 2 ? argv[2] : "out/02_ioi.html");
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
