// headscope circuit find: scores of edges or nodes, and the circuit of the best
// (analyses/edges/circuit_method.h).
#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/exact_edges.h"
#include "analyses/edges/select.h"
#include "cli/circuit/circuit_options.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

struct CircuitFindOptions {
  CircuitRunOptions run;
  std::string out;
  bool overwrite = false;
  std::string method = "eap-ig";
  std::string level = "edge";
  std::string select = "absolute";
  std::int64_t size = 0;  // edges or nodes of the circuit; 0: usual_size()
  CircuitSettings settings;
  std::size_t top = 10;
  std::int64_t exact = 0;  // edges that are cut too, to see how well they were estimated
};

void check_find(const CircuitFindOptions& options) {
  if (!options.overwrite && path_exists(options.out)) {
    throw UsageError("{}: exists already; replace it with --overwrite or choose another -o",
                     options.out);
  }
  find_circuit_method(options.method);
  parse_select_by(options.select);
  const bool nodes = parse_circuit_level(options.level) == CircuitLevel::node;
  if (nodes && options.select == "greedy") {
    throw UsageError("--select greedy follows edges; of nodes take signed or absolute");
  }
  if (nodes && options.exact > 0) {
    throw UsageError("--exact cuts edges; of nodes compare with --method patch --level node");
  }
}

Json made_by(const CircuitFindOptions& options,
             const Invocation& invocation,
             const CircuitInput& input,
             double seconds) {
  Json made = provenance(input.model,
                         {.command_line = invocation.command_line,
                          .seed = invocation.common.seed,
                          .prepend_bos = options.run.bos});
  made.erase("identity");
  made["format"] = "headscope-circuit";
  made["version"] = 1;
  made["method"] = options.method;
  made["level"] = options.level;
  made["ablation"] = options.run.ablation;
  made["metric"] = options.run.metric;
  made["select"] = options.select;
  made["steps"] = options.settings.steps;
  made["seconds"] = seconds;
  made["task"] = {
      {"path", options.run.task}, {"hash", input.task.hash}, {"items", input.task.items.size()}};
  return made;
}

std::string scored_name(const CircuitGraph& graph, std::int64_t index) {
  return graph.level == CircuitLevel::edge ? graph_name(graph.graph.edge(index))
                                           : graph_name(graph.graph.writer_node(index));
}

Table top_scores(const CircuitGraph& graph, std::size_t top) {
  const std::string what(to_string(graph.level));
  Table table({{what}, {"score", 4}});
  const std::vector<std::int64_t> order = ranked(graph.scores, RankBy::absolute);
  for (std::size_t i = 0; i < std::min(top, order.size()); ++i) {
    table.row({scored_name(graph, order[i]), graph.scores[static_cast<std::size_t>(order[i])]});
  }
  return table;
}

std::string correlation_of(const std::optional<double>& value) {
  return value ? format_number(*value) : std::string("–");
}

struct ExactComparison {
  OrderedJson json;
  std::string text;
};

ExactComparison told_exactly(const std::vector<std::string>& edges,
                             const std::vector<double>& estimated,
                             const std::vector<double>& exact,
                             std::size_t top) {
  const Agreement found = agreement_of(estimated, exact, top);
  Table worst({{"edge"}, {"estimated", 4}, {"exact", 4}});
  for (std::size_t i = 0; i < std::min(top, found.worst.size()); ++i) {
    const std::size_t each = found.worst[i];
    worst.row({edges[each], estimated[each], exact[each]});
  }
  const auto json = [](const std::optional<double>& value) {
    return value ? OrderedJson(*value) : OrderedJson();
  };
  return {{{"edges", edges.size()},
           {"pearson", json(found.pearson)},
           {"spearman", json(found.spearman)},
           {"slope", json(found.slope)},
           {"worst", worst.json()}},
          fmt::format("\nagainst {} edges cut for real: Pearson {}, Spearman {}, exact = {} × "
                      "estimated\n\nfurthest off\n",
                      edges.size(),
                      correlation_of(found.pearson),
                      correlation_of(found.spearman),
                      correlation_of(found.slope)) +
              worst.text()};
}

// Edges of a graph that is on disk by now, cut for real.
ExactComparison compared_with_cuts(const CircuitFindOptions& options,
                                   const Invocation& invocation,
                                   const CircuitInput& input,
                                   const CircuitGraph& graph) {
  const CircuitContext context = circuit_context(options.run, input);
  CircuitSettings settings;
  settings.stop = interrupted;
  const std::vector<std::int64_t> edges =
      edges_to_check(graph.scores, options.exact, invocation.common.seed);
  const std::vector<double> exact = losses_of_edges(context, settings, edges);
  if (exact.empty()) {
    throw Interrupted();
  }
  std::vector<std::string> names;
  std::vector<double> estimated;
  for (const std::int64_t edge : edges) {
    names.push_back(graph_name(graph.graph.edge(edge)));
    estimated.push_back(graph.scores[static_cast<std::size_t>(edge)]);
  }
  return told_exactly(names, estimated, exact, options.top);
}

CircuitGraph found_graph(const CircuitFindOptions& options,
                         const Invocation& invocation,
                         const CircuitInput& input) {
  const CircuitContext context = circuit_context(options.run, input);
  std::optional<Progress> bar;
  std::int64_t shown = 0;
  CircuitSettings settings = options.settings;
  settings.seed = invocation.common.seed;
  settings.stop = interrupted;
  settings.progress = [&](std::int64_t done, std::int64_t total) {
    if (!bar) {
      const bool items = total == static_cast<std::int64_t>(input.task.items.size());
      bar.emplace(total, Progress::Options{.label = "scoring", .unit = items ? "items" : "cuts"});
    }
    bar->add(done - std::exchange(shown, done));
  };
  CircuitGraph graph{.graph = context.graph,
                     .level = parse_circuit_level(options.level),
                     .scores = {},
                     .edges = {},
                     .made = {}};
  graph.scores =
      circuit_scores(find_circuit_method(options.method), graph.level, context, settings);
  if (graph.scores.empty()) {
    throw Interrupted();
  }
  const std::int64_t size = options.size > 0 ? options.size : usual_size(graph.graph, graph.level);
  graph.edges = select_circuit(graph, size, parse_select_by(options.select));
  return graph;
}

void find_circuit(const CircuitFindOptions& options, const Invocation& invocation) {
  check_find(options);
  check_graph_output(options.out);
  catch_interrupts();
  const CircuitInput input = circuit_input(options.run, invocation);
  const auto start = std::chrono::steady_clock::now();
  CircuitGraph graph = found_graph(options, invocation, input);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  graph.made = made_by(options, invocation, input, took.count());
  write_circuit_graph(graph, options.out);
  const std::vector<bool> nodes = nodes_of(graph.graph, graph.edges);
  const std::int64_t kept = count(graph.edges);
  const auto kept_nodes = std::count(nodes.begin(), nodes.end(), true);
  const Table table = top_scores(graph, options.top);
  ExactComparison exact;
  if (options.exact > 0) {
    exact = compared_with_cuts(options, invocation, input, graph);
  }
  show(invocation,
       {{"path", options.out},
        {"method", options.method},
        {"edges", graph.graph.n_edges()},
        {"circuit_edges", kept},
        {"circuit_nodes", kept_nodes},
        {"seconds", took.count()},
        {"top", table.json()},
        {"exact", exact.json}},
       facts({{"graph", options.out},
              {"method", options.method},
              {"edges", grouped(graph.graph.n_edges())},
              {"circuit", fmt::format("{} edges, {} nodes", grouped(kept), kept_nodes)},
              {"took", format_seconds(took.count())}}) +
           "\n" + table.text() + exact.text);
}

std::string methods_help() {
  std::string lines;
  for (const CircuitMethod& method : all_circuit_methods()) {
    lines += fmt::format("  {:<10} {}\n             score = {}{}{}\n",
                         method.name,
                         method.summary,
                         method.definition,
                         method.source.empty() ? "" : "\n             ",
                         method.source);
  }
  return lines;
}

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const CircuitMethod& method : all_circuit_methods()) {
    names.emplace_back(method.name);
  }
  return names;
}

void add_find_options(CLI::App& app, CircuitFindOptions& options) {
  add_circuit_run_options(app, options.run);
  app.add_option("--method", options.method, "How edges or nodes are scored; see below")
      ->check(CLI::IsMember(method_names()))
      ->capture_default_str();
  app.add_option("--level", options.level, "What is scored")
      ->check(CLI::IsMember({"edge", "node"}))
      ->capture_default_str();
  app.add_option("--steps", options.settings.steps, "Steps of integrated gradients")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--thresholds",
                 options.settings.thresholds,
                 "acdc: what an edge must be worth to stay, in units of the metric, ascending")
      ->delimiter(',')
      ->default_str("0.001,0.003,0.01,0.03,0.1,0.3,1");
  app.add_option("--size", options.size, "Edges (or nodes) of the circuit, before pruning")
      ->check(CLI::PositiveNumber)
      ->default_str("a hundredth of edges, a tenth of nodes");
  app.add_option("--select",
                 options.select,
                 "absolute: the largest scores of either sign; signed: what helps most; greedy: "
                 "edge after edge from the logits")
      ->check(CLI::IsMember({"absolute", "signed", "greedy"}))
      ->capture_default_str();
  app.add_option("--top", options.top, "Edges to list")->capture_default_str();
  app.add_option(
         "--exact",
         options.exact,
         "Cut so many edges for real, half of them the strongest, the others drawn, and say "
         "how well their losses were estimated")
      ->check(CLI::Range(2, 10000000))
      ->default_str("none");
  add_output(app, options.out, "The graph to write (.json)")->required();
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file");
}

// Settings that the method does not read.
void refuse_unread_settings(const CLI::App& app, const std::string& method) {
  if (method != "eap-ig") {
    refuse_without(app, {"steps"}, "--method eap-ig");
  }
  if (method != "acdc") {
    refuse_without(app, {"thresholds"}, "--method acdc");
  }
}

// What --help says below the options.
const std::string& find_example() {
  static const std::string text =
      "  headscope task make ioi --model smollm2 -n 50 --corruption s2_io -o ioi.jsonl\n"
      "  headscope circuit find smollm2 --task ioi.jsonl --method eap-ig -o graph.json\n"
      "  headscope circuit eval smollm2 --graph graph.json --task held_out.jsonl\n"
      "\n"
      "Edges lead from what writes to the residual stream (the input, heads, MLPs) to what reads "
      "it (q, k\nand v of every query head, MLPs, the logits). A score is what the metric loses "
      "when the edge is cut,\nexact or estimated: edges that help are positive.\n\nMethods\n" +
      methods_help();
  return text;
}

}  // namespace

Verb circuit_find_verb() {
  return {
      .name = "circuit find",
      .summary = "Scores of a model's edges or nodes on a task, and the circuit of the best",
      .example = find_example(),
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<CircuitFindOptions>();
        add_find_options(app, *options);
        return [options, &app, &invocation] {
          refuse_unread_settings(app, options->method);
          find_circuit(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
