// Every option with fixed choices shows them all in --help.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <CLI/CLI.hpp>

#include "analyses/edges/circuit_method.h"
#include "analyses/head_detectors/detector.h"
#include "analyses/known_models/known_model.h"
#include "analyses/metric/metric.h"
#include "analyses/operators/plan_method.h"
#include "analyses/steering/steer_method.h"
#include "analyses/task/maker.h"
#include "cli/verbs.h"
#include "hooks/statistics_points.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

using ChoiceNames = std::vector<std::string>;

template <typename Items>
ChoiceNames choice_names(const Items& items) {
  ChoiceNames names;
  for (const auto& item : items) {
    names.emplace_back(item.name);
  }
  return names;
}

// The choices of an option of `verb`, where its parser alone knows that they are fixed; null: its
// value is a file, a text, a number or an address. Options with a check show its choices by
// themselves.
std::optional<ChoiceNames> fixed_choices(const std::string& verb, const std::string& option) {
  static const std::map<std::string, ChoiceNames> choices{
      {"--dtype", {"f32", "bf16", "f16"}},
      {"--weights", {"unpacked", "packed"}},
      {"--store", {"f32", "bf16", "f16"}},
      {"--device", {"cpu", "cuda"}},
      {"--prepend-bos", {"auto", "yes", "no"}},
      {"--logits", {"last", "all", "none"}},
      {"--metric", choice_names(all_metrics())},
      {"--statistics", statistic_names()},
      {"--detectors", choice_names(all_detectors())},
      {"--method", choice_names(all_circuit_methods())},
      {"operator plan --method", choice_names(all_plan_methods())},
      {"--over", {"layer", "layer,head", "layer,pos", "layer,head,pos"}},
      {"--mask-mode", {"decode-uniform", "zero", "mean"}},
      {"--arch", {"standard", "topk", "batchtopk", "jumprelu", "gated"}},
      {"--normalise", {"none", "expected_average_only_in", "constant_norm_rescale", "layer_norm"}},
      {"--direction", {"mass-mean", "probe"}},
      {"--goal", {"raise", "lower"}},
      {"lens --of", {"residual", "attention", "mlp", "heads"}},
      {"launch LAUNCHER", {"slurm", "torchrun", "mpirun", "kubernetes"}},
      {"completion SHELL", {"bash", "zsh", "fish"}},
      {"task NAME", choice_names(all_task_makers())},
      {"model NAME", choice_names(all_known_models())},
      {"steer WORDS", choice_names(all_steer_methods())},
      {"reproduce NAME",
       {"ioi",
        "greater-than",
        "docstring",
        "colored-objects",
        "induction",
        "sinks",
        "successor",
        "retrieval"}}};
  for (const std::string& name : {verb + " " + option, option}) {
    if (const auto found = choices.find(name); found != choices.end()) {
      return found->second;
    }
  }
  return std::nullopt;
}

// Options whose value is free.
const std::set<std::string> kFreeOptions{"MODEL",
                                         "FILE",
                                         "--chat",
                                         "--compare",
                                         "--answer",
                                         "--claim",
                                         "--devices",
                                         "--features",
                                         "--image",
                                         "--meet",
                                         "--sae",
                                         "--sort-by",
                                         "--tokens",
                                         "--tuned",
                                         "COMMAND",
                                         "PLACE",
                                         "--like",
                                         "--shard-size",
                                         "--with",
                                         "--set",
                                         "--movers",
                                         "--tasks",
                                         "SAE",
                                         "A",
                                         "B",
                                         "SHARD",
                                         "GRAPH",
                                         "ATLAS",
                                         "NAME",
                                         "WORDS",
                                         "VERB",
                                         "--output",
                                         "--intervene",
                                         "--task",
                                         "--memory",
                                         "--prompts",
                                         "--prompt",
                                         "--text",
                                         "--positions",
                                         "--model",
                                         "--trace",
                                         "--site",
                                         "--shard",
                                         "--system",
                                         "--stop",
                                         "--hooks",
                                         "--graph",
                                         "--write-prompts",
                                         "--truth",
                                         "--token",
                                         "--templates",
                                         "--strength",
                                         "--span",
                                         "--source",
                                         "--shape",
                                         "--scores",
                                         "--resample-from",
                                         "--record-hooks",
                                         "--record",
                                         "--receiver-positions",
                                         "--receiver",
                                         "--name",
                                         "--mean-from",
                                         "--mask-heads",
                                         "--mask-curve",
                                         "--maps",
                                         "--known",
                                         "--host",
                                         "--hook",
                                         "--heads",
                                         "--haystack",
                                         "--edits",
                                         "--detector-file",
                                         "--detector",
                                         "--depths",
                                         "--data",
                                         "--corruption",
                                         "--corrupted-trace",
                                         "--contexts",
                                         "--clean-trace",
                                         "--atlas",
                                         "--allow-host",
                                         "--template",
                                         "--needles",
                                         "TRACE",
                                         "SPEC",
                                         "--digits",
                                         "--against",
                                         "--attention",
                                         "--operator",
                                         "--from",
                                         "OPERATOR",
                                         "MODEL|TRACE"};

std::string option_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? option.get_name() : "--" + option.get_lnames().front();
}

void check_choices(const std::string& verb, const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::string name = option_name(option);
  if (!type.starts_with("TEXT") || type.find('{') != std::string::npos) {
    return;
  }
  const std::string shown =
      type + " " + option.get_description() + " " + option.get_default_str() + " ";
  CAPTURE(verb, name, shown);
  const auto choices = fixed_choices(verb, name);
  CHECK((choices.has_value() ||
         kFreeOptions.contains(name)));  // a new option belongs to one of the lists
  for (const std::string& choice : choices.value_or(ChoiceNames())) {
    CAPTURE(choice);
    CHECK_THAT(shown, contains(choice));
  }
}

}  // namespace

TEST_CASE("every option with fixed choices shows them all in --help") {
  for (const Verb& verb : all_verbs()) {
    CLI::App app;
    const Invocation invocation;
    CommonOptions common;
    const auto bound = verb.bind(app, invocation);
    add_common_options(app, common);
    for (const CLI::Option* option : app.get_options()) {
      check_choices(std::string(verb.name), *option);
    }
  }
}
