// Discrete-code circuits beside methods that change runs: who finds the heads that are known, and
// how long it takes.
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "analyses/circuit/reproduce.h"
#include "analyses/metric/summary.h"
#include "analyses/studies/circuit_input.h"
#include "analyses/studies/head_finders.h"
#include "analyses/studies/reference_circuits.h"
#include "analyses/studies/studies.h"
#include "lib/model/ungrouped.h"

namespace headscope {
namespace {

// Of known models, whose vectors have no common size: brought to one.
constexpr double kDocstringL1 = 0.05;  // the authors' λ for the docstring task; else 0.02

enum class Pace { fast, patch, acdc };

struct Finder {
  const char* method;  // "codes", or one of all_circuit_methods()
  Pace pace;
};
constexpr Finder kFinders[] = {{"codes", Pace::fast},
                               {"eap", Pace::fast},
                               {"eap-ig", Pace::fast},
                               {"hisp", Pace::fast},
                               {"patch", Pace::patch},
                               {"acdc", Pace::acdc},
                               {"random", Pace::fast}};
const std::vector<double> kAcdcThresholds{0.03, 0.1, 0.3};

std::int64_t seeds_of(const Finder& finder, const StudyOptions& options) {
  const std::int64_t most = finder.pace == Pace::fast    ? options.seeds
                            : finder.pace == Pace::patch ? options.patch_seeds
                                                         : options.acdc_seeds;
  return std::min(most, options.seeds);
}

std::string step_key(const std::string& circuit, const Finder& finder, std::int64_t draw) {
  return fmt::format("{}/{}/{}", circuit, finder.method, draw);
}

// The circuits that the model's heads can be judged by, of the tasks asked for.
std::vector<ReferenceCircuit> references(const Model& model, const StudyOptions& options) {
  std::vector<ReferenceCircuit> chosen;
  for (const Reproduction* task : study_tasks(options)) {
    for (const ReferenceCircuit& each : reference_circuits_of(model.config())) {
      if (each.circuit == task->name) {
        chosen.push_back(each);
      }
    }
  }
  return chosen;
}

CodeCircuitOptions code_options(const std::string& circuit, CodeScale scale, std::uint64_t seed) {
  CodeCircuitOptions codes{.scale = scale};
  codes.sae.l1 = circuit == "docstring" ? kDocstringL1 : codes.sae.l1;
  codes.sae.seed = seed;
  return codes;
}

Json run_finder(const Model& model,
                const ReferenceCircuit& reference,
                const Finder& finder,
                const StudyOptions& options,
                std::int64_t draw) {
  const Reproduction& what = find_reproduction(reference.circuit);
  const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(draw);
  const Task task = task_of_circuit(model.tokenizer(), what, options.items, seed);
  if (finder.method == std::string_view("codes")) {
    return judged_by_codes(model,
                           task,
                           code_options(reference.circuit, CodeScale::none, seed),
                           reference.heads,
                           options.stop);
  }
  const CircuitOfTask input(
      ungrouped(model),
      finder.pace == Pace::fast ? task : first_items(task, options.slow_items),
      find_metric(what.metric),
      options.memory);
  return judged_by_method(
      find_circuit_method(finder.method),
      input.context,
      {.seed = seed, .thresholds = kAcdcThresholds, .progress = {}, .stop = options.stop},
      reference.heads);
}

// All methods on a known model; codes once a seed.
Json run_known(const KnownModel& known, const StudyOptions& options) {
  const KnownCircuit circuit(known);
  Json found = Json::object();
  for (const Finder& finder : kFinders) {
    if (finder.method != std::string_view("codes")) {
      found[finder.method] =
          judged_by_method(find_circuit_method(finder.method),
                           circuit.input.context,
                           {.seed = options.seed, .progress = {}, .stop = options.stop},
                           circuit.heads);
    }
  }
  found["codes"] = Json::array();
  for (std::int64_t draw = 0; draw < options.seeds; ++draw) {
    found["codes"].push_back(judged_by_codes(
        circuit.input.model,
        circuit.input.task,
        code_options("", CodeScale::rms, options.seed + static_cast<std::uint64_t>(draw)),
        circuit.heads,
        options.stop));
  }
  return found;
}

std::vector<StudyStep> sae_circuits_steps(const Model& model, const StudyOptions& options) {
  std::vector<StudyStep> steps;
  for (const ReferenceCircuit& reference : references(model, options)) {
    for (const Finder& finder : kFinders) {
      for (std::int64_t draw = 0; draw < seeds_of(finder, options); ++draw) {
        steps.push_back({step_key(reference.circuit, finder, draw),
                         fmt::format("{}, {}", reference.circuit, finder.method),
                         [&model, &options, reference, &finder, draw] {
                           return run_finder(model, reference, finder, options, draw);
                         }});
      }
    }
  }
  for (const KnownModel& known : all_known_models()) {
    steps.push_back({fmt::format("known/{}", known.name),
                     fmt::format("known model {}", known.name),
                     [&known, &options] { return run_known(known, options); }});
  }
  return steps;
}

// Numbers of several seeds: mean and sample deviation, null where there are none.
struct Spread {
  std::vector<double> values;
  void add(const Json& value) {
    if (value.is_number()) {
      values.push_back(value.get<double>());
    }
  }
  [[nodiscard]] OrderedJson mean() const {
    return values.empty() ? OrderedJson() : OrderedJson(mean_of(values));
  }
  [[nodiscard]] OrderedJson deviation() const {
    if (values.size() < 2) {
      return {};
    }
    double sum = 0.0;
    for (const double value : values) {
      sum += (value - mean_of(values)) * (value - mean_of(values));
    }
    return std::sqrt(sum / static_cast<double>(values.size() - 1));
  }
};

struct ByFinder {
  Spread nodes, edges, seconds;
  std::int64_t prompts = 0;
};

ByFinder gathered(const StudyFindings& found,
                  const ReferenceCircuit& reference,
                  const Finder& finder,
                  const StudyOptions& options) {
  ByFinder all;
  for (std::int64_t draw = 0; draw < seeds_of(finder, options); ++draw) {
    const Json& step = found.at(step_key(reference.circuit, finder, draw));
    all.nodes.add(step.contains("auc") ? step["auc"] : step["nodes"]);
    all.edges.add(step.value("edges", Json()));
    all.seconds.add(step["seconds"]);
    all.prompts = step["prompts"].get<std::int64_t>();
  }
  return all;
}

OrderedJson published_number(double value) {
  return value > 0.0 ? OrderedJson(value) : OrderedJson();
}

StudyTable model_table(const Model& model,
                       const StudyOptions& options,
                       const StudyFindings& found) {
  StudyTable table{
      .key = "areas",
      .caption =
          "The area under the ROC curve of each method's ranking of heads for those of the "
          "reference circuit (mean and deviation over draws of prompts and of initial "
          "weights), and the wall time of one search. Exact patching and ACDC see the first "
          "few prompts alone.",
      .columns = {"task", "method", "prompts", "draws", "AUC", "deviation", "seconds", "published"},
      .rows = {}};
  for (const ReferenceCircuit& reference : references(model, options)) {
    for (const Finder& finder : kFinders) {
      const ByFinder all = gathered(found, reference, finder, options);
      const auto draws = seeds_of(finder, options);
      const bool codes = finder.method == std::string_view("codes");
      if (draws > 0) {
        table.rows.push_back({reference.circuit,
                              codes ? "codes, by nodes" : finder.method,
                              all.prompts,
                              draws,
                              all.nodes.mean(),
                              all.nodes.deviation(),
                              all.seconds.mean(),
                              codes ? published_number(reference.codes_by_nodes) : OrderedJson()});
      }
      if (codes) {
        table.rows.push_back({reference.circuit,
                              "codes, by edges",
                              all.prompts,
                              draws,
                              all.edges.mean(),
                              all.edges.deviation(),
                              all.seconds.mean(),
                              published_number(reference.codes_by_edges)});
      }
    }
  }
  return table;
}

StudyTable references_table(const Model& model, const StudyOptions& options) {
  StudyTable table{.key = "reference_circuits",
                   .caption = "The circuits that heads are judged by.",
                   .columns = {"task", "heads", "found by", "which"},
                   .rows = {}};
  for (const ReferenceCircuit& reference : references(model, options)) {
    std::string names;
    for (const HeadId& head : reference.heads) {
      names += (names.empty() ? "" : " ") + to_string(head);
    }
    table.rows.push_back({reference.circuit, reference.heads.size(), reference.found_by, names});
  }
  return table;
}

std::vector<OrderedJson> known_row(const KnownModel& known, const StudyFindings& found) {
  const Json& step = found.at(fmt::format("known/{}", known.name));
  ByFinder codes;
  for (const Json& draw : step["codes"]) {
    codes.nodes.add(draw["nodes"]);
    codes.edges.add(draw["edges"]);
    codes.seconds.add(draw["seconds"]);
  }
  std::vector<OrderedJson> row{std::string(known.name),
                               codes.nodes.mean(),
                               codes.nodes.deviation(),
                               codes.edges.mean(),
                               codes.edges.deviation()};
  for (const Finder& finder : kFinders) {
    if (finder.method != std::string_view("codes")) {
      row.emplace_back(OrderedJson(step[finder.method]["auc"]));
    }
  }
  row.push_back(codes.seconds.mean());
  row.emplace_back(OrderedJson(step["patch"]["seconds"]));
  return row;
}

StudyTable known_table(const StudyFindings& found) {
  StudyTable table{
      .key = "known_models",
      .caption =
          "The same on models whose circuit is known. Nothing where all heads are of the "
          "circuit. Codes count what a head writes in clean prompts and never in corrupted "
          "ones; where the corruption puts the same words in other places, a head's mean "
          "output is one that corrupted prompts have too, and its score says nothing.",
      .columns = {"model"},
      .rows = {}};
  for (const Finder& finder : kFinders) {
    if (finder.method == std::string_view("codes")) {
      table.columns.insert(
          table.columns.end(),
          {"codes, by nodes", "deviation", "codes, by edges", "deviation of edges"});
    } else {
      table.columns.emplace_back(finder.method);
    }
  }
  table.columns.insert(table.columns.end(), {"seconds of codes", "seconds of patch"});
  for (const KnownModel& known : all_known_models()) {
    table.rows.push_back(known_row(known, found));
  }
  return table;
}

std::string told_of_codes(const ReferenceCircuit& reference,
                          const StudyOptions& options,
                          const StudyFindings& found) {
  const ByFinder codes = gathered(found, reference, kFinders[0], options);
  const ByFinder patch = gathered(found, reference, kFinders[4], options);
  if (codes.nodes.values.empty()) {
    return fmt::format("On {} the autoencoder of the codes learned nothing. ", reference.circuit);
  }
  std::string text = fmt::format(
      "On {} codes rank the heads of the circuit with an area of {:.2f} "
      "(by edges {:.2f}) in {:.1f} s",
      reference.circuit,
      mean_of(codes.nodes.values),
      mean_of(codes.edges.values),
      mean_of(codes.seconds.values));
  if (!patch.nodes.values.empty()) {
    text += fmt::format(", patching every node of {} prompts with {:.2f} in {:.1f} s",
                        patch.prompts,
                        mean_of(patch.nodes.values),
                        mean_of(patch.seconds.values));
  }
  return text + ". ";
}

StudyResult sae_circuits_result(const Model& model,
                                const StudyOptions& options,
                                const StudyFindings& found) {
  StudyResult result;
  for (const ReferenceCircuit& reference : references(model, options)) {
    result.verdict += told_of_codes(reference, options, found);
  }
  if (result.verdict.empty()) {
    result.verdict =
        "No circuit of this model is kept to judge heads by (SmolLM2-135M, GPT-2 small and "
        "attn-only-4l have some): what follows is of models whose circuit is known. ";
  } else {
    result.tables = {model_table(model, options, found), references_table(model, options)};
  }
  result.tables.push_back(known_table(found));
  return result;
}

}  // namespace

Study sae_circuits_study() {
  return {
      .name = "sae-circuits",
      .title = "Circuits from the codes of a small autoencoder",
      .source = "O'Neill & Bui 2024, arXiv:2405.12522",
      .published = {{.key = "published",
                     .caption = "Published areas under the ROC curve for codes, over ten seeds "
                                "(mean and deviation).",
                     .columns = {"task", "model", "by nodes", "by edges"},
                     .rows = {{"ioi", "GPT-2 small", "0.868 ± 0.008", "0.840 ± 0.024"},
                              {"greater-than", "GPT-2 small", "0.855 ± 0.036", "0.873 ± 0.020"},
                              {"docstring", "attn-only-4l", "0.869 ± 0.038", "0.896 ± 0.017"}}}},
      .steps = sae_circuits_steps,
      .result = sae_circuits_result};
}

}  // namespace headscope
