// headscope circuit find: scores of edges or nodes, and the circuit of the best
// (analyses/edges/circuit_method.h).
#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <utility>

#include <CLI/CLI.hpp>

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/exact_edges.h"
#include "analyses/edges/kv_heads.h"
#include "analyses/edges/select.h"
#include "analyses/edges/stability.h"
#include "cli/circuit/circuit_options.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/base/paths.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

struct CircuitFindOptions {
  CircuitRunOptions run;
  KeptOutput output;
  std::string method = "eap-ig";
  std::string level = "edge";
  std::string select = "absolute";
  std::int64_t size = 0;  // edges or nodes of the circuit; 0: usual_size()
  CircuitSettings settings;
  std::size_t top = 10;
  double same_sign =
      0.0;  // of resamples of the items, to be taken into the circuit; 0: none are drawn
  std::int64_t bootstraps = 100;
  bool kv_heads = false;
  std::int64_t exact = 0;  // edges that are cut too, to see how well they were estimated
};

void check_find(const CircuitFindOptions& options) {
  check_kept_output(options.output);
  if (options.output.resume && find_circuit_method(options.method).resumes == Resumes::no) {
    throw UsageError("--method {} takes a moment and keeps nothing; leave out --resume",
                     options.method);
  }
  parse_select_by(options.select);
  const bool nodes = parse_circuit_level(options.level) == CircuitLevel::node;
  if (nodes && options.select == "greedy") {
    throw UsageError("--select greedy follows edges; of nodes take signed or absolute");
  }
  if (nodes && options.kv_heads) {
    throw UsageError("--kv-heads adds up edges; a node is a query head, leave it out");
  }
  if (options.kv_heads && options.exact > 0) {
    throw UsageError("--exact cuts single edges, of which --kv-heads makes sums; leave out one");
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
  if (options.same_sign > 0.0) {
    made["same_sign"] = options.same_sign;
    made["bootstraps"] = options.bootstraps;
  }
  if (options.kv_heads) {
    made["heads_per_kv"] = input.heads_per_kv;
  }
  made["seconds"] = seconds;
  made["task"] = {
      {"path", options.run.task}, {"hash", input.task.hash}, {"items", input.task.items.size()}};
  return made;
}

using Names = std::function<std::string(std::int64_t)>;

std::string scored_name(const CircuitGraph& graph, std::int64_t index) {
  return graph.level == CircuitLevel::edge ? graph_name(graph.graph.edge(index))
                                           : graph_name(graph.graph.writer_node(index));
}

// What several places have in common (a KV head's edges) is listed once.
Table top_scores(const CircuitGraph& graph, const Names& name, std::size_t top) {
  const std::string what(to_string(graph.level));
  Table table({{what}, {"score", 4}});
  std::set<std::string> listed;
  for (const std::int64_t place : ranked(graph.scores, RankBy::absolute)) {
    if (listed.size() == top) {
      break;
    }
    if (const std::string each = name(place); listed.insert(each).second) {
      table.row({each, graph.scores[static_cast<std::size_t>(place)]});
    }
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
                         const CircuitInput& input,
                         StepLog& log) {
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
  const CircuitMethod& method = find_circuit_method(options.method);
  settings.log = method.resumes == Resumes::yes ? &log : nullptr;
  const std::int64_t size = options.size > 0 ? options.size : usual_size(graph.graph, graph.level);
  const SelectBy select = parse_select_by(options.select);
  std::vector<bool> eligible;
  if (options.same_sign > 0.0) {
    const Stability found = circuit_stability(
        context, method, graph.level, {options.bootstraps, size, select, settings});
    graph.scores = found.scores;
    for (const double share : found.same_sign) {
      eligible.push_back(share >= options.same_sign);
    }
  } else {
    graph.scores = circuit_scores(method, graph.level, context, settings);
  }
  if (graph.scores.empty()) {
    bar.reset();
    if (settings.log != nullptr) {
      throw_kept(options.output);
    }
    throw Interrupted();
  }
  if (options.kv_heads) {
    graph.scores = KvHeads(graph.graph, input.heads_per_kv).added_up(graph.scores);
  }
  graph.edges = select_circuit(graph, size, select, eligible);
  return graph;
}

// Of methods that take long; of others it keeps nothing.
StepLog find_log(const CircuitFindOptions& options,
                 const Invocation& invocation,
                 const CircuitInput& input) {
  if (find_circuit_method(options.method).resumes == Resumes::no) {
    return {};
  }
  return step_log(options.output,
                  options.run,
                  invocation,
                  input,
                  {{"method", options.method},
                   {"level", options.level},
                   {"item_by_item", options.same_sign > 0.0},
                   {"thresholds", options.settings.thresholds}});
}

void find_circuit(const CircuitFindOptions& options, const Invocation& invocation) {
  check_find(options);
  catch_interrupts();
  const CircuitInput input = circuit_input(options.run, invocation);
  const std::int64_t loaded = peak_memory(input.model.device());
  const auto start = std::chrono::steady_clock::now();
  StepLog log = find_log(options, invocation, input);
  CircuitGraph graph = found_graph(options, invocation, input, log);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const std::int64_t peak = peak_memory(input.model.device());
  graph.made = made_by(options, invocation, input, took.count());
  write_circuit_graph(graph, options.output.out);
  log.discard();
  const std::vector<bool> nodes = nodes_of(graph.graph, graph.edges);
  const std::int64_t kept = count(graph.edges);
  const auto kept_nodes = std::count(nodes.begin(), nodes.end(), true);
  std::optional<KvHeads> kv_heads;
  if (options.kv_heads) {
    kv_heads.emplace(graph.graph, input.heads_per_kv);
  }
  const Table table = top_scores(
      graph,
      [&](std::int64_t place) {
        return kv_heads ? kv_heads->name(place) : scored_name(graph, place);
      },
      options.top);
  ExactComparison exact;
  if (options.exact > 0) {
    exact = compared_with_cuts(options, invocation, input, graph);
  }
  show(invocation,
       {{"path", options.output.out},
        {"method", options.method},
        {"edges", graph.graph.n_edges()},
        {"circuit_edges", kept},
        {"circuit_nodes", kept_nodes},
        {"seconds", took.count()},
        {"peak_memory", peak},
        {"peak_memory_loaded", loaded},
        {"top", table.json()},
        {"exact", exact.json}},
       facts({{"graph", options.output.out},
              {"method", options.method},
              {"edges", grouped(graph.graph.n_edges())},
              {"circuit", fmt::format("{} edges, {} nodes", grouped(kept), kept_nodes)},
              {"took", format_seconds(took.count())},
              {"memory",
               fmt::format("{} at most, {} once the model was loaded",
                           format_bytes(peak),
                           format_bytes(loaded))}}) +
           "\n" + table.text() + exact.text);
}

std::string methods_help() {
  std::string lines;
  for (const CircuitMethod& method : all_circuit_methods()) {
    lines += fmt::format(
        "  {:<10} {}\n             score = {}\n", method.name, method.summary, method.definition);
    for (const std::string_view more : {method.limit, method.source}) {
      lines += more.empty() ? "" : fmt::format("             {}\n", more);
    }
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
  app.add_option(
         "--same-sign",
         options.same_sign,
         "Take only what keeps its score's sign in this share of resamples of the items, as "
         "in 0.95")
      ->check(CLI::Range(0.5, 1.0))
      ->default_str("none");
  app.add_option("--bootstraps", options.bootstraps, "Resamples for --same-sign")
      ->check(CLI::Range(2, 10000))
      ->capture_default_str();
  app.add_flag("--kv-heads",
               options.kv_heads,
               "Query heads that share keys and values: add up their k, and their v, edges from a "
               "writer, and choose them together");
  app.add_option("--top", options.top, "Edges to list")->capture_default_str();
  app.add_option(
         "--exact",
         options.exact,
         "Cut so many edges for real, half of them the strongest, the others drawn, and say "
         "how well their losses were estimated")
      ->check(CLI::Range(2, 10000000))
      ->default_str("none");
  add_kept_output(app, options.output, "The graph to write (.json)");
  app.get_option("--output")->required();
}

void refuse_bootstraps_unread(const CLI::App& app) {
  if (!was_given(app, "same-sign")) {
    refuse_without(app, {"bootstraps"}, "--same-sign");
  }
}

// Settings that the method does not read.
void refuse_unread_settings(const CLI::App& app, const std::string& method) {
  if (!method.starts_with("eap-ig")) {
    refuse_without(app, {"steps"}, "--method eap-ig or eap-ig-act");
  }
  refuse_bootstraps_unread(app);
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
      methods_help() +
      "\nWhat slopes miss, and what finds it: on SmolLM2's IOI (s2_io, 4 items, --level node) head "
      "20.0 is worth\n4.18 (patch) and eap says 0.61. Its queries' edges are told about right "
      "(4.42 "
      "of 5.75), but not those into\nMLPs (−3.93 of −1.16, most of it m20): at the clean run both "
      "all "
      "but cancel, half the way to the\ncorrupted one the metric falls ten times as steeply. 17.4, "
      "which acts through 20.0's values, is lost with it\n(−0.10 of 1.60). eap-ig says 2.27 and "
      "1.27, "
      "but takes its gradients in runs of neither prompt: over the 220\nheads worth less than 0.05 "
      "its ranks mean little (Spearman 0.42; Pearson of all heads 0.96). eap-ig-act says\n3.70 and "
      "1.44 (Pearson 0.99, Spearman 0.93); relp 0.11 and −0.07, since both act through patterns.\n";
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
