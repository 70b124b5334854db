#include "cli/reproduce/reproduce_options.h"

#include <algorithm>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "analyses/studies/circuit_input.h"
#include "analyses/training/trained_reproduction.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/unread_options.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/base/suggest.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

std::vector<HeadId> heads_named(const std::vector<std::string>& names) {
  std::vector<HeadId> heads;
  for (const std::string& name : names) {
    heads.push_back(parse_head_id(name));
  }
  return heads;
}

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const TrainedReproduction& each : all_trained_reproductions()) {
    names.push_back(each.name);
  }
  for (const Reproduction& each : all_reproductions()) {
    names.push_back(each.name);
  }
  for (const HeadReproduction& each : all_head_reproductions()) {
    names.push_back(each.name);
  }
  names.emplace_back(kReuse);
  for (const Study& each : all_studies()) {
    names.push_back(each.name);
  }
  return names;
}

// A path, a hub id or the default model; else a word is a name misspelt.
bool names_a_model(const std::string& word) {
  return word == "smollm2" || word.find('/') != std::string::npos || path_exists(word);
}

void add_names(CLI::App& app, ReproduceArguments& options) {
  app.add_option("NAME",
                 options.names,
                 "Circuits: ioi, greater-than, docstring, colored-objects; kinds of heads: "
                 "induction, sinks, successor, retrieval; component-reuse (IOI's heads made to "
                 "serve colored objects); methods: sae-circuits, eap, acdc; models trained here: "
                 "bigram-backcopy, mqar, modular-addition, random-features; several. Behind them "
                 "MODEL, the "
                 "model to look in")
      ->required();
  app.add_option("--model", options.model, "The model to look in; or the last word")
      ->capture_default_str();
}

void add_circuit_options(CLI::App& app, ReproduceArguments& options) {
  app.add_option("-n,--items", options.reproduce.discovery_items, "Prompts that heads are found on")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{100000}))
      ->default_str("24; of methods 50");
  app.add_option("--test-items",
                 options.reproduce.test_items,
                 "Prompts of each test; means are over those of one template, so every template "
                 "should come twice")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{100000}))
      ->default_str("210; of eap 24");
  app.add_option("--tests",
                 options.reproduce.seeds,
                 "Tests of the circuit, each on prompts drawn from another seed")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000}))
      ->capture_default_str();
  app.add_option("--least",
                 options.reproduce.least,
                 "The least effect of a head that counts, as a share of what corruption does")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--most", options.reproduce.most, "The most heads of one class")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
}

void add_head_options(CLI::App& app, ReproduceArguments& options) {
  app.add_option("--set",
                 options.set,
                 "component-reuse: the heads whose attention is set, as in 12.3,19.1; default: the "
                 "published ones of GPT-2 medium, of others those that path patching finds")
      ->delimiter(',');
  app.add_option(
         "--movers", options.movers, "component-reuse: the heads behind, that are looked at")
      ->delimiter(',');
  app.add_option("--seeds",
                 options.head_seeds,
                 "Draws of prompts (kinds of heads); of prompts and initial weights (sae-circuits)")
      ->check(CLI::Range(1, 1000))
      ->default_str("3; of sae-circuits 10");
  app.add_option("--draws", options.heads.draws, "Random sets of heads to compare with")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
}

void add_run_options(CLI::App& app, ReproduceArguments& options) {
  app.add_option("--memory", options.memory, "The most to take beside the weights, as in 4GB")
      ->default_str("70 % of what is free");
  add_intervene(app, options.intervene);
  add_output_folder(app, options.out, "The folder to write into")->capture_default_str();
}

void add_study_options(CLI::App& app, ReproduceArguments& options) {
  StudyOptions& study = options.study;
  app.add_option("--tasks", study.tasks, "Tasks of sae-circuits and eap")
      ->delimiter(',')
      ->default_str("ioi,greater-than,docstring");
  app.add_option("--slow-items",
                 study.slow_items,
                 "The first prompts of a task, that exact patching and ACDC see (methods)")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--patch-seeds",
                 study.patch_seeds,
                 "Of --seeds, those that every node is patched for (sae-circuits)")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app.add_option("--acdc-seeds",
                 study.acdc_seeds,
                 "Of --seeds, those that ACDC, by far the slowest, runs for (sae-circuits)")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app.add_option("--exact", study.exact, "Edges that are cut to hold estimates to (eap)")
      ->check(CLI::Range(4, 1000000))
      ->capture_default_str();
  app.add_flag("--resume",
               options.resume,
               "Go on with a stopped run of the same options: finished steps of methods are read "
               "from NAME.steps.jsonl in the folder");
}

// What was asked for, by kind.
struct Asked {
  bool circuit = false, heads = false, study = false, sae_circuits = false, eap = false;
  bool reuse = false;
};

Asked asked_for(const std::vector<std::string>& names) {
  Asked asked;
  for (const std::string& name : names) {
    asked.circuit = asked.circuit || is_circuit(name);
    asked.heads = asked.heads || find_head_reproduction(name) != nullptr;
    asked.reuse = asked.reuse || is_reuse(name);
    asked.study = asked.study || find_study(name) != nullptr;
    asked.sae_circuits = asked.sae_circuits || name == "sae-circuits";
    asked.eap = asked.eap || name == "eap";
  }
  return asked;
}

void check_read(const CLI::App& app, const ReproduceArguments& options) {
  const Asked asked = asked_for(options.names);
  const auto needs = [&](const std::vector<std::string>& given, bool there, const char* what) {
    if (!there) {
      refuse_without(app, given, what);
    }
  };
  needs({"seeds"},
        asked.heads || asked.sae_circuits,
        "a kind of heads or sae-circuits (a circuit has --tests)");
  needs({"draws"}, asked.heads, "a kind of heads");
  needs({"items", "memory"},
        asked.circuit || asked.reuse || asked.sae_circuits || asked.eap,
        "a circuit, sae-circuits or eap (kinds of heads have --seeds)");
  needs({"test-items"}, asked.circuit || asked.reuse || asked.eap, "a circuit or eap");
  needs({"set", "movers"}, asked.reuse, "component-reuse");
  needs({"tests", "least", "most"}, asked.circuit, "a circuit (kinds of heads have --seeds)");
  needs({"tasks", "slow-items"}, asked.sae_circuits || asked.eap, "sae-circuits or eap");
  needs({"patch-seeds", "acdc-seeds"}, asked.sae_circuits, "sae-circuits");
  needs({"exact"}, asked.eap, "eap");
  needs({"resume"}, asked.study, "a method (sae-circuits, eap, acdc)");
}

// Sizes that several kinds share have defaults of their own each: what was given holds for all.
void share_sizes(const CLI::App& app, ReproduceArguments& options) {
  if (was_given(app, "items")) {
    options.study.items = options.reproduce.discovery_items;
  }
  if (was_given(app, "test-items")) {
    options.study.test_items = options.reproduce.test_items;
  }
  if (was_given(app, "seeds")) {
    options.study.seeds = options.head_seeds;
  }
  if (asked_for(options.names).study) {
    study_tasks(options.study);  // an unknown one is refused before anything is read
  }
}

}  // namespace

bool is_reuse(const std::string& name) {
  return name == kReuse;
}

bool is_circuit(const std::string& name) {
  return find_head_reproduction(name) == nullptr && find_study(name) == nullptr && !is_reuse(name);
}

ReuseOptions reuse_options(const ReproduceArguments& options, std::uint64_t seed) {
  return {.items = options.reproduce.test_items,
          .discovery_items = options.reproduce.discovery_items,
          .seed = seed,
          .draws = options.reproduce.random_circuits,
          .heads = heads_named(options.set),
          .movers = heads_named(options.movers)};
}

void settle_names(ReproduceArguments& options) {
  const std::vector<std::string> names = all_names();
  const auto is_name = [&](const std::string& word) {
    return std::find(names.begin(), names.end(), word) != names.end();
  };
  const auto dashed = [](std::string word) {
    std::replace(word.begin(), word.end(), '_', '-');
    return word;
  };
  for (std::string& asked : options.names) {
    asked = is_name(dashed(asked)) ? dashed(asked) : asked;
  }
  for (std::string& task : options.study.tasks) {
    task = dashed(task);
  }
  if (options.names.size() > 1 && !is_name(options.names.back()) &&
      names_a_model(options.names.back())) {
    options.model = options.names.back();
    options.names.pop_back();
  }
  for (const std::string& name : options.names) {
    if (!is_name(name)) {
      throw UsageError("{}: nothing of that name to reproduce{}; there are {}",
                       name,
                       did_you_mean(name, names),
                       fmt::join(names, ", "));
    }
  }
}

void check_sizes(const ReproduceArguments& options, std::uint64_t seed) {
  std::optional<Tokenizer> tokenizer;  // kinds of heads may do without
  ReproduceOptions reproduction = options.reproduce;
  reproduction.seed = seed;
  for (const std::string& name : options.names) {
    if (!is_circuit(name) && !is_reuse(name)) {
      continue;
    }
    if (!tokenizer) {
      tokenizer.emplace(load_tokenizer(options.model));
    }
    try {
      if (is_reuse(name)) {
        check_component_reuse(*tokenizer, reuse_options(options, seed));
      } else {
        check_reproduction(*tokenizer, find_reproduction(name), reproduction);
      }
    } catch (const UsageError& error) {
      throw UsageError("{} (-n {}, --test-items {})",
                       error.what(),
                       reproduction.discovery_items,
                       reproduction.test_items);
    }
  }
}

void add_reproduce_options(CLI::App& app, ReproduceArguments& options) {
  add_names(app, options);
  add_circuit_options(app, options);
  add_head_options(app, options);
  add_run_options(app, options);
  add_study_options(app, options);
}

void settle_reproduce_options(const CLI::App& app, ReproduceArguments& options) {
  check_read(app, options);
  share_sizes(app, options);
}

}  // namespace headscope
