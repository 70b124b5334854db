// Edge attribution against the runs it estimates: correlation with edges that are cut for real, and
// what circuits of the best edges still do.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "analyses/circuit/reproduce.h"
#include "analyses/edges/evaluate.h"
#include "analyses/edges/exact_edges.h"
#include "analyses/studies/circuit_input.h"
#include "analyses/studies/studies.h"
#include "lib/base/error.h"
#include "lib/base/ordered_json.h"
#include "lib/model/ungrouped.h"

namespace headscope {
namespace {

const std::vector<std::string> kEstimates{"eap", "eap-ig"};
const std::vector<std::string> kRankings{"eap", "eap-ig", "random"};  // of a model's task
const std::vector<std::string> kKnownRankings{"eap", "eap-ig", "patch", "random"};

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

CircuitSettings settings_of(const StudyOptions& options) {
  return {.seed = options.seed, .progress = {}, .stop = options.stop};
}

std::vector<double> edge_scores(const std::string& method,
                                const CircuitContext& context,
                                const StudyOptions& options) {
  std::vector<double> scores = circuit_scores(
      find_circuit_method(method), CircuitLevel::edge, context, settings_of(options));
  if (scores.empty()) {
    throw Interrupted();
  }
  return scores;
}

Json json_of(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

Json json_of(const Interval& number) {
  return {{"value", Json(finite_or_null(number.value))},
          {"low", Json(finite_or_null(number.low))},
          {"high", Json(finite_or_null(number.high))}};
}

// CPR, CMD and the curve of a ranking on the prompts of `context`.
Json evaluated(const CircuitContext& context,
               std::vector<double> scores,
               const StudyOptions& options) {
  const CircuitGraph graph{.graph = context.graph,
                           .level = CircuitLevel::edge,
                           .scores = std::move(scores),
                           .edges = all_edges(context.graph),
                           .made = {}};
  const CircuitEvaluation found = evaluate_circuit(
      context,
      graph,
      {.seed = options.seed, .subsets = 0, .minimality = 0, .progress = {}, .stop = options.stop});
  Json json{{"full", found.full}, {"empty", found.empty}, {"curve", Json::array()}};
  for (const FaithfulnessCurve& curve : found.curves) {
    const bool is_signed = curve.by == RankBy::signed_score;
    json[is_signed ? "cpr" : "cmd"] = json_of(is_signed ? curve.cpr : curve.cmd);
    for (const CurvePoint& point : curve.points) {
      if (is_signed) {
        json["curve"].push_back({point.share, point.faithfulness.value});
      }
    }
  }
  return json;
}

Json compared(const std::vector<double>& estimated, const std::vector<double>& exact) {
  const Agreement found = agreement_of(estimated, exact);
  return {{"pearson", json_of(found.pearson)},
          {"spearman", json_of(found.spearman)},
          {"slope", json_of(found.slope)}};
}

// A ranking of the edges found on some prompts and run on others.
Json run_ranking(const Model& model,
                 const Reproduction& what,
                 const std::string& method,
                 const StudyOptions& options) {
  const Metric& metric = find_metric(what.metric);
  const CircuitOfTask seen(ungrouped(model),
                           task_of_circuit(model.tokenizer(), what, options.items, options.seed),
                           metric,
                           options.memory);
  const double start = now_seconds();
  const std::vector<double> scores = edge_scores(method, seen.context, options);
  const double seconds = now_seconds() - start;
  const CircuitOfTask held_out(
      seen.model,
      task_of_circuit(model.tokenizer(), what, options.test_items, options.seed + 1),
      metric,
      options.memory);
  Json found = evaluated(held_out.context, scores, options);
  found["seconds"] = seconds;
  return found;
}

// Edges that either estimate finds strong, and others drawn.
std::vector<std::int64_t> edges_of_both(const std::vector<std::vector<double>>& estimates,
                                        const StudyOptions& options) {
  std::set<std::int64_t> edges;
  for (const std::vector<double>& scores : estimates) {
    const std::vector<std::int64_t> some =
        edges_to_check(scores, std::max<std::int64_t>(2, options.exact / 2), options.seed);
    edges.insert(some.begin(), some.end());
  }
  return {edges.begin(), edges.end()};
}

Json run_exact(const Model& model, const Reproduction& what, const StudyOptions& options) {
  const CircuitOfTask input(
      ungrouped(model),
      first_items(task_of_circuit(model.tokenizer(), what, options.items, options.seed),
                  options.slow_items),
      find_metric(what.metric),
      options.memory);
  std::vector<std::vector<double>> estimates;
  for (const std::string& method : kEstimates) {
    estimates.push_back(edge_scores(method, input.context, options));
  }
  const std::vector<std::int64_t> edges = edges_of_both(estimates, options);
  const double start = now_seconds();
  const std::vector<double> exact = losses_of_edges(input.context, settings_of(options), edges);
  if (exact.empty()) {
    throw Interrupted();
  }
  Json found{{"edges", edges.size()},
             {"prompts", input.task.items.size()},
             {"seconds", now_seconds() - start}};
  for (std::size_t i = 0; i < kEstimates.size(); ++i) {
    std::vector<double> estimated;
    for (const std::int64_t edge : edges) {
      estimated.push_back(estimates[i][static_cast<std::size_t>(edge)]);
    }
    found[kEstimates[i]] = compared(estimated, exact);
  }
  return found;
}

Json run_known_estimates(const KnownModel& known, const StudyOptions& options) {
  const KnownCircuit circuit(known);
  const CircuitContext& context = circuit.input.context;
  const std::vector<double> exact = edge_scores("patch", context, options);
  Json found{{"edges", exact.size()}};
  for (const std::string& method : kKnownRankings) {
    const std::vector<double> scores = edge_scores(method, context, options);
    found[method] = evaluated(context, scores, options);
    found[method].update(compared(scores, exact));
  }
  return found;
}

std::vector<StudyStep> eap_steps(const Model& model, const StudyOptions& options) {
  std::vector<StudyStep> steps;
  for (const Reproduction* what : study_tasks(options)) {
    for (const std::string& method : kRankings) {
      steps.push_back(
          {what->name + "/" + method, what->name + ", " + method, [&model, &options, what, method] {
             return run_ranking(model, *what, method, options);
           }});
    }
    steps.push_back({what->name + "/exact", what->name + ", edges cut", [&model, &options, what] {
                       return run_exact(model, *what, options);
                     }});
  }
  for (const KnownModel& known : all_known_models()) {
    steps.push_back({fmt::format("known/{}", known.name),
                     fmt::format("known model {}", known.name),
                     [&known, &options] { return run_known_estimates(known, options); }});
  }
  return steps;
}

StudyTable agreement_table(const StudyOptions& options, const StudyFindings& found) {
  StudyTable table{
      .key = "agreement",
      .caption =
          "Estimated losses of edges against those of edges cut for real: half of the edges "
          "the strongest by either estimate, the others drawn. Slope: exact = slope × "
          "estimated, least squares.",
      .columns = {"task", "estimate", "prompts", "edges", "Pearson", "Spearman", "slope"},
      .rows = {}};
  for (const Reproduction* what : study_tasks(options)) {
    const Json& step = found.at(what->name + "/exact");
    for (const std::string& method : kEstimates) {
      const Json& of = step[method];
      table.rows.push_back({what->name,
                            method,
                            OrderedJson(step["prompts"]),
                            OrderedJson(step["edges"]),
                            OrderedJson(of["pearson"]),
                            OrderedJson(of["spearman"]),
                            OrderedJson(of["slope"])});
    }
  }
  return table;
}

StudyTable circuits_table(const StudyOptions& options, const StudyFindings& found) {
  StudyTable table{
      .key = "circuits",
      .caption =
          "Circuits of the best edges run alone, truthfully, on prompts of another seed: "
          "CPR (how much of the model small circuits do; 1 for the model itself) and CMD "
          "(how far they are from it; 0) with 95 % intervals over prompts. Nothing where "
          "the model hardly does the task.",
      .columns =
          {"task", "ranked by", "CPR", "low", "high", "CMD", "CMD low", "CMD high", "seconds"},
      .rows = {}};
  for (const Reproduction* what : study_tasks(options)) {
    for (const std::string& method : kRankings) {
      const Json& of = found.at(what->name + "/" + method);
      std::vector<OrderedJson> row{what->name, method};
      for (const char* area : {"cpr", "cmd"}) {
        for (const char* part : {"value", "low", "high"}) {
          row.emplace_back(OrderedJson(of[area][part]));
        }
      }
      row.emplace_back(OrderedJson(of["seconds"]));
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

StudyTable known_estimates_table(const StudyFindings& found) {
  StudyTable table{
      .key = "known_models",
      .caption = "The same on models whose circuit is known, with every edge cut for real.",
      .columns = {"model", "edges"},
      .rows = {}};
  for (const std::string& method : kEstimates) {
    for (const char* what : {"Pearson", "Spearman", "slope"}) {
      table.columns.push_back(fmt::format("{} of {}", what, method));
    }
  }
  for (const std::string& method : kKnownRankings) {
    table.columns.push_back("CPR of " + method);
  }
  for (const KnownModel& known : all_known_models()) {
    const Json& step = found.at(fmt::format("known/{}", known.name));
    std::vector<OrderedJson> row{std::string(known.name), OrderedJson(step["edges"])};
    for (const std::string& method : kEstimates) {
      for (const char* what : {"pearson", "spearman", "slope"}) {
        row.emplace_back(OrderedJson(step[method][what]));
      }
    }
    for (const std::string& method : kKnownRankings) {
      row.emplace_back(OrderedJson(step[method]["cpr"]["value"]));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

StudyCurves faithfulness_curves(const Reproduction& what, const StudyFindings& found) {
  StudyCurves curves{.caption = what.title +
                                ": what the best edges alone do of the task, by the "
                                "share of all edges they are",
                     .x_axis = "log10 of the share of edges",
                     .curves = {}};
  for (const std::string& method : kRankings) {
    StudyCurves::Curve curve{.name = "f by " + method, .points = {}};
    for (const Json& point : found.at(what.name + "/" + method)["curve"]) {
      if (point[1].is_number()) {
        curve.points.emplace_back(std::log10(point[0].get<double>()), point[1].get<double>());
      }
    }
    curves.curves.push_back(std::move(curve));
  }
  return curves;
}

StudyResult eap_result(const Model&, const StudyOptions& options, const StudyFindings& found) {
  StudyResult result;
  for (const Reproduction* what : study_tasks(options)) {
    const Json& exact = found.at(what->name + "/exact");
    const auto of = [&](const char* method) {
      const Json& r = exact[method]["pearson"];
      return r.is_number() ? fmt::format("{:.2f}", r.get<double>()) : std::string("–");
    };
    result.verdict += fmt::format(
        "On {} EAP agrees with {} edges cut for real by Pearson {}, "
        "EAP-IG by {}. ",
        what->name,
        exact["edges"].get<std::int64_t>(),
        of("eap"),
        of("eap-ig"));
    result.curves.push_back(faithfulness_curves(*what, found));
  }
  result.tables = {agreement_table(options, found),
                   circuits_table(options, found),
                   known_estimates_table(found)};
  return result;
}

}  // namespace

Study eap_study() {
  return {.name = "eap",
          .title = "Edge attribution patching",
          .source = "Syed et al. 2023, arXiv:2310.10348; Hanna et al. 2024, arXiv:2403.17806",
          .published = {{.key = "published",
                         .caption = "Published numbers. CPR is that of the MIB benchmark.",
                         .columns = {"what", "model", "value"},
                         .rows = {{"R² of EAP against edges cut, docstring", "attn-only-4l", 0.27},
                                  {"slope of exact on estimated, docstring", "attn-only-4l", 0.531},
                                  {"CPR of random edges, IOI", "GPT-2 small", 0.25},
                                  {"CPR of EAP, IOI", "GPT-2 small", 1.20},
                                  {"CPR of EAP-IG on inputs, IOI", "GPT-2 small", 1.85},
                                  {"CPR of edges cut for real, IOI", "GPT-2 small", 2.30}}}},
          .steps = eap_steps,
          .result = eap_result};
}

}  // namespace headscope
