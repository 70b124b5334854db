// Circuits of edges, as a C++ notebook: found and held to the truth on a model that was written to
// have one, then found, run alone and drawn on any model. `headscope circuit` does the same.
//
//   build/notebooks/05_circuits [MODEL] [OUT.html]
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/evaluate.h"
#include "analyses/edges/exact_edges.h"
#include "analyses/edges/select.h"
#include "analyses/edges/truth.h"
#include "analyses/known_models/known_model.h"
#include "analyses/task/maker.h"
#include "cli/circuit/circuit_picture.h"
#include "cli/render/dot_chart.h"
#include "cli/render/report.h"
#include "lib/base/error.h"
#include "lib/base/version.h"
#include "lib/families/load.h"
#include "lib/model/ungrouped.h"

using namespace headscope;

namespace {

// %% [markdown]
// ## Tools
// A search needs a model, a task, what a run is judged by, and what replaces a writer whose edge
// is cut: here what it writes in the corrupted run. Every query head reads keys and values of its
// own, so models whose heads share them are ungrouped first.

// %%
constexpr std::int64_t kMemory = std::int64_t{1} << 30;

CircuitContext context_of(const Model& model, const Task& task) {
  return {model, task, find_metric("logit_diff"), CircuitAblation::corrupted, kMemory};
}

CircuitGraph scored(const CircuitContext& context, const std::string& method) {
  return {.graph = context.graph,
          .level = CircuitLevel::edge,
          .scores = circuit_scores(find_circuit_method(method), CircuitLevel::edge, context, {}),
          .edges = {},
          .made = {}};
}

std::string picture_of(const CircuitGraph& graph, const std::string& title) {
  return circuit_svg(circuit_layout(graph, 60), title);
}

// %% [markdown]
// ## A model whose circuit is known
// Its first head copies a letter and marks that it did; its second does the same where there is no
// mark. Each edge is scored four ways. ACDC loses the edge by which the first head keeps the second
// one quiet: without it both say the letter, the metric rises, and what does not lower it is cut.

// %%
void known_circuit(Report& report) {
  const KnownModel& known = known_model("backup");
  const KnownModelParts parts = known.make();
  const Model model({.config = parts.config,
                     .weights = parts.weights,
                     .tokenizer = nullptr,
                     .device = {},
                     .dtype = DType::f32,
                     .source = {.name = "backup", .files = {}, .weights_hash = {}}});
  const Task task = known_task(known, parts);
  const CircuitContext context = context_of(model, task);
  EdgeSet truth = no_edges(context.graph);
  for (const std::string& name : parts.truth.edges) {
    truth[static_cast<std::size_t>(context.graph.index(parse_edge(name)))] = true;
  }
  const std::vector<std::string> methods{"patch", "eap", "eap-ig", "acdc"};
  std::vector<CircuitGraph> graphs;
  Table areas({{"method"}, {"area under the ROC curve"}});
  for (const std::string& method : methods) {
    graphs.push_back(scored(context, method));
    std::vector<double> sizes;
    for (const double score : graphs.back().scores) {
      sizes.push_back(std::abs(score));
    }
    areas.row({method, roc_of(sizes, truth).trapezoid});
  }
  Table table({{"edge"}, {"patch"}, {"eap"}, {"eap-ig"}, {"acdc"}});
  for (std::size_t edge = 0; edge < truth.size(); ++edge) {
    if (truth[edge]) {
      table.row({graph_name(context.graph.edge(static_cast<std::int64_t>(edge))),
                 graphs[0].scores[edge],
                 graphs[1].scores[edge],
                 graphs[2].scores[edge],
                 graphs[3].scores[edge]});
    }
  }
  report.table(table, "The edges of the circuit: what the metric loses without each, four ways.");
  report.table(areas, "How well each ranking tells them from the other edges.");
  graphs[2].edges = truth;
  report.figure(picture_of(graphs[2], "The circuit of the model `backup`, as wide as EAP-IG says"));
}

// %% [markdown]
// ## Found on a real model
// Indirect object identification, where the corrupted prompt names the other person the second
// time. Integrated gradients score all edges in a few passes; some are cut for real, to see how far
// to trust the estimates.

// %%
Task ioi(const Model& model, std::int64_t n, std::uint64_t seed) {
  return make_task(
      "ioi", model.tokenizer(), {.n = n, .seed = seed, .corruption = "s2_io", .templates = {}});
}

CircuitGraph found(Report& report, const CircuitContext& context) {
  CircuitGraph graph = scored(context, "eap-ig");
  graph.edges = select_circuit(graph, 200, SelectBy::greedy);
  const std::vector<std::int64_t> order = ranked(graph.scores, RankBy::absolute);
  const std::vector<std::int64_t> best(order.begin(), order.begin() + 8);
  const std::vector<double> exact = losses_of_edges(context, {}, best);
  Table table({{"edge"}, {"estimated"}, {"cut for real"}});
  for (std::size_t i = 0; i < best.size(); ++i) {
    table.row({graph_name(context.graph.edge(best[i])),
               graph.scores[static_cast<std::size_t>(best[i])],
               exact[i]});
  }
  report.table(table,
               fmt::format("The strongest of {} edges: the logit difference that is lost without "
                           "each.",
                           context.graph.n_edges()));
  return graph;
}

// %% [markdown]
// ## Run alone
// On other prompts, with every other edge cut: 0 is the corrupted run, 1 the whole model. A good
// ranking does much with few edges. A model that hardly does the task has nothing to share.

// %%
void evaluated(Report& report, const CircuitContext& found_on, const CircuitGraph& graph) {
  const Task others = ioi(found_on.model, 4, 1);
  const CircuitContext context(found_on, others);
  const CircuitEvaluation result =
      evaluate_circuit(context, graph, {.subsets = 0, .minimality = 0});
  DotChart chart{.title = "What the best edges do of the task",
                 .x_axis = "log10 of the share of edges",
                 .panels = {{.y_axis = "f", .dots = {}}}};
  for (const CurvePoint& point : result.curves.front().points) {
    chart.panels[0].dots.push_back({.x = std::log10(point.share),
                                    .y = point.faithfulness.value,
                                    .low = point.faithfulness.low,
                                    .high = point.faithfulness.high});
  }
  report.figure(to_svg(chart));
  report.text(fmt::format("CPR {:.2f}; the {} edges that were chosen do {:.2f} of the task.",
                          result.curves.front().cpr.value,
                          result.edges,
                          result.faithfulness.value));
}

// %% [markdown]
// ## Drawn
// Edges into queries are blue, into keys green, into values orange, into MLPs and logits grey;
// dashed where cutting one helps. `headscope circuit show` makes a page of it that filters.

// %%
void drawn(Report& report, const CircuitGraph& graph) {
  report.figure(picture_of(graph, "The strongest edges of the circuit"));
}

// %% [markdown]
// ## All of it

// %%
void real_circuit(Report& report, const Model& model) {
  const Task task = ioi(model, 4, 0);
  const CircuitContext context = context_of(model, task);
  const CircuitGraph graph = found(report, context);
  try {
    evaluated(report, context, graph);
  } catch (const UsageError& error) {
    report.text(error.what());
  }
  drawn(report, graph);
}

int run(const std::string& name, const std::string& out) {
  Report report({.title = "Circuits of edges",
                 .subtitle = "A known circuit, and one of " + name,
                 .footer = fmt::format("headscope {}", kVersion),
                 .source = __FILE__});
  known_circuit(report);
  try {
    real_circuit(report, ungrouped(load_model(name)));
  } catch (const DataError& error) {  // a tokenizer that has no words for the task
    report.text(error.what());
  }
  report.write(out);
  fmt::print("{}\n", out);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  return run(argc > 1 ? argv[1] : "smollm2", argc > 2 ? argv[2] : "out/05_circuits.html");
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
