// Automatic circuit discovery on models whose circuit is known: a search for every threshold, and
// the ROC curve of the sweep.
#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/truth.h"
#include "analyses/studies/circuit_input.h"
#include "analyses/studies/studies.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

const std::vector<std::string> kAcdcMetrics{"logit_diff", "kl"};

// 10^-4 … 10^1, four a decade.
std::vector<double> swept_thresholds() {
  std::vector<double> thresholds;
  for (int i = -16; i <= 4; ++i) {
    thresholds.push_back(std::pow(10.0, i / 4.0));
  }
  return thresholds;
}

struct Counts {
  double hits = 0.0, others = 0.0, truth = 0.0, rest = 0.0;
};

Counts counted(const KnownCircuit& known, const std::vector<double>& scores) {
  Counts counts;
  const JudgedEdges judged = judged_edges(known, scores);
  for (std::size_t edge = 0; edge < judged.scores.size(); ++edge) {
    const bool kept = judged.scores[edge] > 0.0;
    (judged.truth[edge] ? counts.truth : counts.rest) += 1.0;
    (judged.truth[edge] ? counts.hits : counts.others) += kept ? 1.0 : 0.0;
  }
  return counts;
}

// One search a threshold: [threshold, edges kept, true positive rate, false positive rate].
Json sweep_of(const KnownCircuit& known, const StudyOptions& options) {
  Json sweep = Json::array();
  for (const double threshold : swept_thresholds()) {
    const std::vector<double> kept =
        circuit_scores(find_circuit_method("acdc"),
                       CircuitLevel::edge,
                       known.input.context,
                       {.thresholds = {threshold}, .progress = {}, .stop = options.stop});
    if (kept.empty()) {
      throw Interrupted();
    }
    const Counts counts = counted(known, kept);
    sweep.push_back({threshold,
                     counts.hits + counts.others,
                     counts.hits / counts.truth,
                     counts.others / counts.rest});
  }
  return sweep;
}

// Edges of the truth that no threshold keeps.
Json never_kept(const KnownCircuit& known, const StudyOptions& options) {
  const std::vector<double> kept =
      circuit_scores(find_circuit_method("acdc"),
                     CircuitLevel::edge,
                     known.input.context,
                     {.thresholds = swept_thresholds(), .progress = {}, .stop = options.stop});
  Json names = Json::array();
  for (std::size_t edge = 0; edge < kept.size(); ++edge) {
    if (known.truth[edge] && kept[edge] == 0.0) {
      names.push_back(graph_name(known.input.context.graph.edge(static_cast<std::int64_t>(edge))));
    }
  }
  return names;
}

Json run_sweep_of_known(const KnownModel& model, const StudyOptions& options) {
  Json found = Json::object();
  for (const std::string& metric : kAcdcMetrics) {
    const KnownCircuit known(model, metric.c_str());
    const auto start = std::chrono::steady_clock::now();
    found[metric]["sweep"] = sweep_of(known, options);
    found[metric]["seconds"] =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    found[metric]["never_kept"] = never_kept(known, options);
  }
  return found;
}

std::vector<StudyStep> acdc_steps(const Model&, const StudyOptions& options) {
  std::vector<StudyStep> steps;
  for (const KnownModel& known : all_known_models()) {
    steps.push_back({fmt::format("known/{}", known.name),
                     fmt::format("known model {}", known.name),
                     [&known, &options] { return run_sweep_of_known(known, options); }});
  }
  return steps;
}

// Points of a sweep as an ROC curve: from (0, 0) to (1, 1), and of points with one false positive
// rate the best; a point below an earlier one is worse at any price and is left out.
std::vector<RocPoint> roc_points(const Json& sweep) {
  std::vector<RocPoint> points{{0.0, 0.0}, {1.0, 1.0}};
  for (const Json& at : sweep) {
    points.push_back({at[3].get<double>(), at[2].get<double>()});
  }
  std::sort(points.begin(), points.end(), [](const RocPoint& a, const RocPoint& b) {
    return a.false_positives < b.false_positives ||
           (a.false_positives == b.false_positives && a.true_positives < b.true_positives);
  });
  std::vector<RocPoint> front;
  for (const RocPoint& point : points) {
    if (front.empty() || point.true_positives > front.back().true_positives ||
        point.false_positives == 1.0) {
      front.push_back(point);
    }
  }
  return front;
}

// Trapezoids; or corners alone, Σ (1 − fpr₊)(tpr₊ − tpr).
struct Areas {
  double trapezoid = 0.0, staircase = 0.0;
};

Areas areas_of(const std::vector<RocPoint>& points) {
  Areas areas;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    const RocPoint &at = points[i], &next = points[i + 1];
    areas.trapezoid += (next.false_positives - at.false_positives) *
                       (at.true_positives + next.true_positives) / 2.0;
    areas.staircase += (1.0 - next.false_positives) * (next.true_positives - at.true_positives);
  }
  return areas;
}

std::string names_in(const Json& list) {
  std::string text;
  for (const Json& name : list) {
    text += (text.empty() ? "" : " ") + name.get<std::string>();
  }
  return text;
}

StudyTable acdc_areas_table(const StudyFindings& found) {
  StudyTable table{
      .key = "areas",
      .caption =
          "Edges that ACDC keeps against those of the truth, over a sweep of 21 thresholds: "
          "areas under the ROC curve by trapezoids and by corners alone, and the edges of "
          "the truth that no threshold keeps. An edge whose cut raises the metric is cut at "
          "every threshold: so an inhibitor is lost, such as the edge by which the backup "
          "model's first head keeps its second one quiet.",
      .columns = {"model", "metric", "AUC", "corners alone", "never kept", "seconds"},
      .rows = {}};
  for (const KnownModel& known : all_known_models()) {
    const Json& step = found.at(fmt::format("known/{}", known.name));
    for (const std::string& metric : kAcdcMetrics) {
      const Areas areas = areas_of(roc_points(step[metric]["sweep"]));
      table.rows.push_back({std::string(known.name),
                            metric,
                            areas.trapezoid,
                            areas.staircase,
                            names_in(step[metric]["never_kept"]),
                            OrderedJson(step[metric]["seconds"])});
    }
  }
  return table;
}

StudyTable sweep_table(const StudyFindings& found) {
  StudyTable table{.key = "sweep",
                   .caption =
                       "Every threshold: how many edges stay, and the rates of true and of "
                       "false ones among them. By logit_diff.",
                   .columns = {"model", "threshold", "edges", "true rate", "false rate"},
                   .rows = {}};
  for (const KnownModel& known : all_known_models()) {
    const Json& step = found.at(fmt::format("known/{}", known.name));
    Json edges;
    for (const Json& at : step["logit_diff"]["sweep"]) {
      if (at[1] == edges) {
        continue;
      }
      edges = at[1];
      table.rows.push_back({std::string(known.name),
                            OrderedJson(at[0]),
                            OrderedJson(at[1]),
                            OrderedJson(at[2]),
                            OrderedJson(at[3])});
    }
  }
  return table;
}

constexpr double kWhole = 0.999;  // an area of which nothing is missing

StudyResult acdc_result(const Model&, const StudyOptions&, const StudyFindings& found) {
  StudyResult result;
  StudyCurves curves{.caption =
                         "ROC curves of the sweeps by logit_diff: the true rate over the "
                         "false rate",
                     .x_axis = "false positive rate",
                     .curves = {}};
  std::size_t whole = 0;
  for (const KnownModel& known : all_known_models()) {
    const Json& step = found.at(fmt::format("known/{}", known.name));
    const std::vector<RocPoint> points = roc_points(step["logit_diff"]["sweep"]);
    if (areas_of(points).trapezoid > kWhole) {
      ++whole;
      continue;  // a curve that goes straight up shows nothing
    }
    StudyCurves::Curve curve{.name = std::string(known.name), .points = {}};
    for (const RocPoint& point : points) {
      curve.points.emplace_back(point.false_positives, point.true_positives);
    }
    curves.curves.push_back(std::move(curve));
  }
  result.verdict = fmt::format(
      "By logit_diff ACDC separates the circuit of {} of {} known models "
      "at some threshold. ",
      whole,
      all_known_models().size());
  result.tables = {acdc_areas_table(found), sweep_table(found)};
  result.curves = {std::move(curves)};
  return result;
}

}  // namespace

Study acdc_study() {
  return {.name = "acdc",
          .title = "Automatic circuit discovery",
          .source = "Conmy et al. 2023, arXiv:2304.14997",
          .published = {{.key = "published",
                         .caption =
                             "Published areas under the ROC curve of edges (corners alone), with "
                             "corrupted activations.",
                         .columns = {"task", "metric", "ACDC", "HISP", "subnetwork probing"},
                         .rows = {{"docstring", "kl", 0.982, 0.805, 0.937},
                                  {"greater-than", "kl", 0.853, 0.693, 0.806},
                                  {"ioi", "kl", 0.869, 0.789, 0.823},
                                  {"docstring", "task's loss", 0.972, 0.821, 0.942},
                                  {"greater-than", "task's loss", 0.461, 0.706, 0.812},
                                  {"ioi", "task's loss", 0.589, 0.836, 0.707},
                                  {"tracr-proportion", "task's loss", 0.679, 0.679, 0.525},
                                  {"tracr-reverse", "task's loss", 0.200, 0.577, 0.193}}}},
          .steps = acdc_steps,
          .result = acdc_result};
}

}  // namespace headscope
