// headscope circuit eval: the model with only a circuit's edges (analyses/edges/evaluate.h).
#include <cmath>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>

#include "analyses/edges/evaluate.h"
#include "cli/circuit/circuit_options.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/output_file.h"

namespace headscope {
namespace {

struct CircuitEvalOptions {
  CircuitRunOptions run;
  std::string graph;
  KeptOutput output;
  EvaluateOptions evaluate;
};

OrderedJson json_of(const Interval& number) {
  return {{"value", number.value}, {"low", cell_of(number.low)}, {"high", cell_of(number.high)}};
}

std::string interval_text(const Interval& number) {
  return std::isnan(number.low) ? format_number(number.value)
                                : fmt::format("{} [{}, {}]",
                                              format_number(number.value),
                                              format_number(number.low),
                                              format_number(number.high));
}

Table curve_table(const FaithfulnessCurve& curve) {
  Table table({{"share"}, {"size"}, {"edges"}, {"f"}, {"95 % low"}, {"95 % high", 3, "high"}});
  for (const CurvePoint& point : curve.points) {
    table.row({point.share,
               point.size,
               point.edges,
               point.faithfulness.value,
               cell_of(point.faithfulness.low),
               cell_of(point.faithfulness.high)});
  }
  return table;
}

Table minimality_table(const EdgeGraph& graph, const std::vector<NodeLoss>& losses) {
  Table table({{"node"}, {"f lost without it", 4, "loss"}});
  for (const NodeLoss& loss : losses) {
    table.row({graph_name(graph.writer_node(loss.writer)), loss.loss});
  }
  return table;
}

std::string curve_name(const FaithfulnessCurve& curve) {
  return curve.by == RankBy::signed_score ? "signed" : "absolute";
}

OrderedJson evaluation_json(const EdgeGraph& graph, const CircuitEvaluation& found) {
  OrderedJson curves = OrderedJson::array();
  for (const FaithfulnessCurve& curve : found.curves) {
    curves.push_back({{"rank_by", curve_name(curve)},
                      {"points", curve_table(curve).json()},
                      {"cpr", json_of(curve.cpr)},
                      {"cmd", json_of(curve.cmd)}});
  }
  return {{"full", found.full},
          {"empty", found.empty},
          {"curves", curves},
          {"circuit",
           {{"edges", found.edges},
            {"faithfulness", json_of(found.faithfulness)},
            {"complement", json_of(found.complement)},
            {"incompleteness", found.incompleteness},
            {"minimality", minimality_table(graph, found.minimality).json()}}}};
}

std::string evaluation_text(const CircuitEvalOptions& options,
                            const EdgeGraph& graph,
                            const CircuitEvaluation& found) {
  std::string text = facts({{options.run.metric + " of the model", format_number(found.full)},
                            {"of every edge cut", format_number(found.empty)}});
  for (const FaithfulnessCurve& curve : found.curves) {
    text += fmt::format("\nranked by {} score: CPR {}, CMD {}\n{}",
                        curve_name(curve),
                        interval_text(curve.cpr),
                        interval_text(curve.cmd),
                        curve_table(curve).text());
  }
  text += fmt::format("\nthe circuit of the graph, {} edges\n", grouped(found.edges)) +
          facts({{"faithfulness", interval_text(found.faithfulness)},
                 {"the model without it", interval_text(found.complement)},
                 {"incompleteness", format_number(found.incompleteness)}});
  return text + "\n" + minimality_table(graph, found.minimality).text();
}

StepLog evaluation_log(const CircuitEvalOptions& options,
                       const Invocation& invocation,
                       const CircuitInput& input,
                       const CircuitGraph& graph) {
  if (options.output.out.empty()) {
    return {};
  }
  std::string edges;
  for (const bool in_graph : graph.edges) {
    edges += in_graph ? '1' : '0';
  }
  const Json scores = graph.scores;
  return step_log(options.output,
                  options.run,
                  invocation,
                  input,
                  {{"graph", Hasher().update(edges).update(scores.dump()).digest()},
                   {"subsets", options.evaluate.subsets},
                   {"minimality", options.evaluate.minimality}});
}

CircuitEvaluation evaluated(const CircuitContext& context,
                            const CircuitGraph& graph,
                            const EvaluateOptions& options,
                            const KeptOutput& output) {
  try {
    return evaluate_circuit(context, graph, options);
  } catch (const Interrupted&) {
    if (output.out.empty()) {
      throw;
    }
    throw_kept(output);
  }
}

void evaluate(const CircuitEvalOptions& options, const Invocation& invocation) {
  check_kept_output(options.output);
  catch_interrupts();
  const CircuitInput input = circuit_input(options.run, invocation);
  const CircuitGraph graph = graph_of_model(options.graph, input);
  const CircuitContext context = circuit_context(options.run, input);
  Progress bar(static_cast<std::int64_t>(input.task.items.size()), {.label = "evaluating"});
  std::int64_t shown = 0;
  EvaluateOptions evaluate = options.evaluate;
  evaluate.seed = invocation.common.seed;
  evaluate.stop = interrupted;
  evaluate.progress = [&](std::int64_t done, std::int64_t) {
    bar.add(done - std::exchange(shown, done));
  };
  StepLog log = evaluation_log(options, invocation, input, graph);
  evaluate.log = &log;
  const CircuitEvaluation found = evaluated(context, graph, evaluate, options.output);
  const OrderedJson json = evaluation_json(graph.graph, found);
  if (!options.output.out.empty()) {
    write_file(options.output.out, json.dump(2) + "\n");
    log.discard();
  }
  show(invocation, json, evaluation_text(options, graph.graph, found));
}

}  // namespace

Verb circuit_eval_verb() {
  return {
      .name = "circuit eval",
      .summary = "How much of a task the model still does with only a circuit's edges",
      .example =
          "  headscope circuit eval smollm2 --graph graph.json --task held_out.jsonl\n"
          "\n"
          "f(k) = (m(C_k) − m(∅)) / (m(N) − m(∅)): m the mean metric, N the model, ∅ the model "
          "with every edge\ncut, C_k the best k edges of the graph's ranking, nodes without a way "
          "in or out pruned. The circuit\nruns truthfully: edges are cut, not nodes, and what a "
          "node writes in this very run goes on.\n"
          "CPR = Σ (p₊ − p)(f + f₊)/2 over the shares p of all edges .001 … 1, ranked by signed "
          "score; CMD the same\nof |1 − f|, ranked by absolute score. The model itself has CPR "
          ".999 and CMD 0 (Mueller et al. 2025, MIB).\n"
          "the model without it: f of all other edges. incompleteness: random halves K of the "
          "circuit's nodes\ntaken out, the mean |f(C ∖ K) − f(N ∖ K)|.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<CircuitEvalOptions>();
        add_circuit_run_options(app, options->run);
        app.add_option("--graph", options->graph, "A graph of circuit find, or EAP-IG's JSON")
            ->required()
            ->check(names_a_file);
        add_kept_output(app, options->output, "Write the evaluation there too (.json)");
        app.add_option("--subsets",
                       options->evaluate.subsets,
                       "Random halves of the circuit that incompleteness takes out")
            ->check(CLI::Range(0, 1000))
            ->capture_default_str();
        app.add_option("--minimality",
                       options->evaluate.minimality,
                       "Nodes taken out one by one, drawn where there are more")
            ->check(CLI::Range(0, 100000))
            ->capture_default_str();
        return [options, &invocation] { evaluate(*options, invocation); };
      },
  };
}

}  // namespace headscope
