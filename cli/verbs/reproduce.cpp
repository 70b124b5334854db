// headscope reproduce: published circuits, kinds of heads and results about methods, asked again of
// a model.
#include <algorithm>
#include <chrono>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "analyses/studies/circuit_input.h"
#include "analyses/studies/study_run.h"
#include "analyses/training/trained_reproduction.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/render/page_policy.h"
#include "cli/render/progress.h"
#include "cli/reproduce/component_reuse_view.h"
#include "cli/reproduce/head_reproduction_view.h"
#include "cli/reproduce/reproduce_report.h"
#include "cli/reproduce/trained_reproduction_view.h"
#include "cli/sweep/sweep_run.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"
#include "lib/base/suggest.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct ReproduceArguments {
  std::vector<std::string> names;
  std::string model = "smollm2";
  std::string out = "out/reproduce";
  std::string memory;
  std::string intervene;
  ReproduceOptions reproduce;
  std::vector<std::string> set;     // component-reuse: heads
  std::vector<std::string> movers;  // likewise
  HeadRunOptions heads;
  int head_seeds = 3;
  StudyOptions study;
  bool resume = false;
};

// What was found of each kind, in the order asked for.
struct Found {
  std::vector<Reproduced> circuits;
  std::vector<HeadResult> heads;
  std::optional<ComponentReuse> reuse;
  std::vector<StudyAnswer> studies;
};

constexpr std::string_view kReuse = "component-reuse";

bool is_reuse(const std::string& name) {
  return name == kReuse;
}

std::vector<HeadId> heads_named(const std::vector<std::string>& names) {
  std::vector<HeadId> heads;
  for (const std::string& name : names) {
    heads.push_back(parse_head_id(name));
  }
  return heads;
}

ReuseOptions reuse_options(const ReproduceArguments& options, std::uint64_t seed) {
  return {.items = options.reproduce.test_items,
          .discovery_items = options.reproduce.discovery_items,
          .seed = seed,
          .draws = options.reproduce.random_circuits,
          .heads = heads_named(options.set),
          .movers = heads_named(options.movers)};
}

bool is_circuit(const std::string& name) {
  return find_head_reproduction(name) == nullptr && find_study(name) == nullptr && !is_reuse(name);
}

// Before the model is loaded.
void check_names(const std::vector<std::string>& asked) {
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
  for (const std::string& name : asked) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      throw UsageError("{}: nothing of that name to reproduce{}; there are {}",
                       name,
                       did_you_mean(name, names),
                       fmt::join(names, ", "));
    }
  }
}

// Whether all names are of models trained here, which need no model; UsageError if some are.
bool asks_for_trained(const CLI::App& app, const std::vector<std::string>& names) {
  const auto is_trained = [](const std::string& name) {
    return find_trained_reproduction(name) != nullptr;
  };
  const auto trained = std::count_if(names.begin(), names.end(), is_trained);
  if (trained == 0) {
    return false;
  }
  const std::string& name = *std::find_if(names.begin(), names.end(), is_trained);
  if (static_cast<std::size_t>(trained) < names.size()) {
    throw UsageError("{} trains models of its own; ask for what looks in --model by itself", name);
  }
  refuse_unread(app, "reproduce " + name, {"NAME", "output"});
  return true;
}

// Prompts of every circuit are made before the weights are read: what cannot be is refused at once.
void check_sizes(const ReproduceArguments& options, std::uint64_t seed) {
  std::optional<Tokenizer> tokenizer;  // kinds of heads may do without
  ReproduceOptions reproduction = options.reproduce;
  reproduction.seed = seed;
  for (const std::string& name : options.names) {
    if (!is_circuit(name)) {
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

constexpr TextKind kCircuitsJson{
    .noun = "list of circuits (.json)",
    .is = [](std::string_view text) { return begins_as_json(text, R"({"provenance":{)"); }};

void check_outputs(const std::filesystem::path& folder) {
  check_page_output(folder / "index.html");
  check_output_file(folder / "circuits.json");
  check_replaceable(folder / "circuits.json", kCircuitsJson);
}

Model load_changed(const ReproduceArguments& options, const Invocation& invocation) {
  Model model = load_with(options.model, invocation.common, options.intervene);
  refuse_chosen_positions(model, "reproduce");
  for (const std::string& name : options.names) {
    if (find_head_reproduction(name) != nullptr) {
      refuse_changed_attention(model, "reproduce " + name);
    }
    if (find_study(name) != nullptr && model.standing()) {
      throw UsageError("reproduce {} asks about the model as it is: leave out --intervene", name);
    }
  }
  return model;
}

// A bar in thousandths.
class StepBar {
 public:
  explicit StepBar(const std::string& name) : bar_(1000, {.label = name, .unit = "‰"}) {}
  void show(const std::string& step, double part) {
    bar_.note(step);
    const auto now = static_cast<std::int64_t>(part * 1000);
    bar_.add(std::max<std::int64_t>(0, now - done_));
    done_ = std::max(done_, now);
  }

 private:
  Progress bar_;
  std::int64_t done_ = 0;
};

HeadResult run_heads(const ReproduceArguments& options,
                     const HeadReproduction& what,
                     const Model& model,
                     std::uint64_t seed) {
  StepBar bar(what.name);
  HeadRunOptions heads = options.heads;
  heads.seeds.clear();
  for (int s = 0; s < options.head_seeds; ++s) {
    heads.seeds.push_back(seed + static_cast<std::uint64_t>(s));
  }
  heads.stop = interrupted;
  heads.progress = [&](const std::string& step, double part) { bar.show(step, part); };
  return reproduce_heads(model, what, heads);
}

ComponentReuse run_reuse(const ReproduceArguments& options,
                         const Model& model,
                         std::uint64_t seed) {
  StepBar bar{std::string(kReuse)};
  ReuseOptions reuse = reuse_options(options, seed);
  reuse.memory = memory_for(options.memory, model);
  reuse.stop = interrupted;
  reuse.progress = [&](const std::string& step, double part) { bar.show(step, part); };
  return component_reuse(model, reuse);
}

std::filesystem::path steps_path(const ReproduceArguments& options, const std::string& name) {
  return std::filesystem::path(options.out) / (name + ".steps.jsonl");
}

StudyAnswer answer_study(const ReproduceArguments& options,
                         const Study& what,
                         const Model& model,
                         std::uint64_t seed) {
  StepBar bar(what.name);
  StudyOptions study = options.study;
  study.seed = seed;
  study.memory = memory_for(options.memory, model);
  study.stop = interrupted;
  const Json from = provenance(model, {.command_line = "", .seed = seed});
  return {&what,
          run_study(what,
                    model,
                    study,
                    {.path = steps_path(options, what.name),
                     .identity = study_identity(what, study, from.at("identity")),
                     .if_exists = options.resume ? IfExists::resume : IfExists::replace,
                     .progress = [&](const std::string& step, std::size_t done, std::size_t total) {
                       bar.show(step, static_cast<double>(done) / static_cast<double>(total));
                     }})};
}

Found run(const ReproduceArguments& options, const Model& model, std::uint64_t seed) {
  Found results;
  for (const std::string& name : options.names) {
    if (const Study* study = find_study(name)) {
      results.studies.push_back(answer_study(options, *study, model, seed));
      continue;
    }
    if (const HeadReproduction* heads = find_head_reproduction(name)) {
      results.heads.push_back(run_heads(options, *heads, model, seed));
      if (results.heads.back().stopped) {
        throw Interrupted();
      }
      continue;
    }
    if (is_reuse(name)) {
      results.reuse = run_reuse(options, model, seed);
      if (results.reuse->stopped) {
        throw Interrupted();
      }
      continue;
    }
    StepBar bar(name);
    ReproduceOptions reproduction = options.reproduce;
    reproduction.seed = seed;
    reproduction.memory = memory_for(options.memory, model);
    reproduction.stop = interrupted;
    reproduction.progress = [&](const std::string& step, double part) { bar.show(step, part); };
    results.circuits.push_back(reproduce(model, find_reproduction(name), reproduction));
    if (results.circuits.back().stopped) {
      throw Interrupted();
    }
  }
  return results;
}

OrderedJson to_json(const ReproduceArguments& options,
                    const Found& results,
                    const Model& model,
                    const Json& from) {
  OrderedJson json{{"provenance", from}};
  json["provenance"]["options"] = {{"items", options.reproduce.discovery_items},
                                   {"test_items", options.reproduce.test_items},
                                   {"tests", options.reproduce.seeds},
                                   {"random_circuits", options.reproduce.random_circuits},
                                   {"least", options.reproduce.least},
                                   {"most", options.reproduce.most}};
  json["circuits"] = OrderedJson::array();
  for (const Reproduced& result : results.circuits) {
    json["circuits"].push_back(reproduction_json(result, model.config()));
  }
  if (results.circuits.size() > 1) {
    json["overlap"] = overlap_json(results.circuits);
  }
  json["heads"] = OrderedJson::array();
  for (const HeadResult& result : results.heads) {
    json["heads"].push_back(head_result_json(result, model));
  }
  if (results.reuse) {
    json["component_reuse"] = reuse_json(*results.reuse);
  }
  json["studies"] = OrderedJson::array();
  for (const StudyAnswer& answer : results.studies) {
    json["studies"].push_back(study_json(answer));
  }
  return json;
}

void write_and_show(const ReproduceArguments& options, const Invocation& invocation) {
  check_outputs(options.out);
  check_sizes(options, invocation.common.seed);
  catch_interrupts();
  const Model model = load_changed(options, invocation);
  const Found results = run(options, model, invocation.common.seed);
  check_fired(model);
  const Json from =
      provenance(model, {.command_line = invocation.command_line, .seed = invocation.common.seed});
  const std::filesystem::path folder = options.out;
  const OrderedJson json = to_json(options, results, model, from);
  write_file(folder / "circuits.json", json.dump(1) + "\n");
  write_reproduction_page(folder / "index.html",
                          results.circuits,
                          results.heads,
                          results.reuse,
                          results.studies,
                          model,
                          fmt::format("{} · weights {} · seed {}",
                                      invocation.command_line,
                                      from.at("weights_hash").get<std::string>(),
                                      invocation.common.seed));
  std::string text;
  for (const Reproduced& result : results.circuits) {
    text += reproduction_text(result, model.config()) + "\n";
  }
  if (results.circuits.size() > 1) {
    text += "heads in common\n" + overlap_table(results.circuits).text() + "\n";
  }
  if (results.reuse) {
    text += reuse_text(*results.reuse) + "\n";
  }
  for (const HeadResult& result : results.heads) {
    text += head_result_text(result, model) + "\n";
  }
  for (const StudyAnswer& answer : results.studies) {
    text += study_text(answer) + "\n";
  }
  show(invocation,
       json,
       text + fmt::format("{}   the page: open it in a browser\n",
                          std::filesystem::absolute(folder / "index.html").string()));
}

void add_options(CLI::App& app, ReproduceArguments& options) {
  app.add_option("NAME",
                 options.names,
                 "Circuits: ioi, greater-than, docstring, colored-objects; kinds of heads: "
                 "induction, sinks, successor, retrieval; component-reuse (IOI's heads made to "
                 "serve colored objects); methods: sae-circuits, eap, acdc; models trained here: "
                 "bigram-backcopy, mqar, modular-addition, random-features; several")
      ->required();
  app.add_option("--model", options.model, "The model to look in")->capture_default_str();
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
                 "Of --seeds, those that ACDC runs for on the model: hours on a CPU (sae-circuits)")
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

Verb reproduce_verb() {
  return {
      .name = "reproduce",
      .summary =
          "Published circuits, kinds of heads and results about methods, asked of a model: a page",
      .example =
          "  headscope reproduce ioi -o out/ioi && xdg-open out/ioi/index.html\n"
          "  headscope reproduce ioi colored-objects --model gpt2-medium -n 100\n"
          "  headscope reproduce bigram-backcopy mqar modular-addition random-features --threads "
          "1\n"
          "  headscope reproduce greater-than --tests 10 --json\n"
          "  headscope reproduce induction sinks successor retrieval -o out/heads\n"
          "  headscope reproduce component-reuse --model gpt2-medium\n"
          "  headscope reproduce sae-circuits eap acdc -o out/methods\n"
          "\n"
          "sae-circuits: the area under the ROC curve of discrete codes, EAP, EAP-IG, HISP, exact "
          "patching and\nACDC for the heads of circuits that path patching found, and for models "
          "whose circuit is known. eap: estimates\nagainst edges that are cut, and circuits of "
          "the best edges run alone. acdc: a sweep of thresholds on\nmodels whose circuit is "
          "known.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<ReproduceArguments>();
        add_options(app, *options);
        add_study_options(app, *options);
        return [options, &app, &invocation] {
          check_names(options->names);
          if (asks_for_trained(app, options->names)) {
            run_trained_reproductions(options->names, options->out, invocation);
            return;
          }
          check_read(app, *options);
          share_sizes(app, *options);
          write_and_show(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
