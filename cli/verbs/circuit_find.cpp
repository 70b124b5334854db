// headscope circuit find: scores of edges or nodes, and the circuit of the best
// (analyses/edges/circuit_method.h).
#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <utility>

#include <CLI/CLI.hpp>

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/kv_heads.h"
#include "analyses/edges/select.h"
#include "analyses/edges/stability.h"
#include "cli/circuit/circuit_find_options.h"
#include "cli/circuit/cut_edges.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/memory.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

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

// The bar of a scoring that goes by items or, as some methods do, by cuts; drawn once it is known.
class ScoringBar {
 public:
  explicit ScoringBar(std::size_t items) : items_(static_cast<std::int64_t>(items)) {}

  void show(std::int64_t done, std::int64_t total) {
    if (!bar_) {
      const char* unit = total == items_ ? "items" : "cuts";
      bar_.emplace(total, Progress::Options{.label = "scoring", .unit = unit});
    }
    bar_->add(done - std::exchange(shown_, done));
  }
  void clear() { bar_.reset(); }

 private:
  std::int64_t items_;
  std::optional<Progress> bar_;
  std::int64_t shown_ = 0;
};

// The edges or nodes that may be chosen: those with a score, of the same sign in enough of the
// resampled tasks where there are any.
std::vector<bool> eligible(const std::vector<double>& scores,
                           const std::vector<double>& same_sign,
                           double least) {
  std::vector<bool> chosen = with_evidence(scores);
  for (std::size_t i = 0; i < same_sign.size(); ++i) {
    chosen[i] = chosen[i] && same_sign[i] >= least;
  }
  return chosen;
}

CircuitGraph found_graph(const CircuitFindOptions& options,
                         const Invocation& invocation,
                         const CircuitInput& input,
                         StepLog& log) {
  const CircuitContext context = circuit_context(options.run, input);
  ScoringBar bar(input.task.items.size());
  CircuitSettings settings = options.settings;
  settings.seed = invocation.common.seed;
  settings.stop = interrupted;
  settings.progress = [&](std::int64_t done, std::int64_t total) { bar.show(done, total); };
  CircuitGraph graph{.graph = context.graph,
                     .level = parse_circuit_level(options.level),
                     .scores = {},
                     .edges = {},
                     .made = {}};
  const CircuitMethod& method = find_circuit_method(options.method);
  settings.log = method.resumes == Resumes::yes ? &log : nullptr;
  const std::int64_t size = options.size > 0 ? options.size : usual_size(graph.graph, graph.level);
  const SelectBy select = parse_select_by(options.select);
  std::vector<double> same_sign;
  if (options.same_sign > 0.0) {
    const Stability found = circuit_stability(
        context, method, graph.level, {options.bootstraps, size, select, settings});
    graph.scores = found.scores;
    same_sign = found.same_sign;
  } else {
    graph.scores = circuit_scores(method, graph.level, context, settings);
  }
  if (graph.scores.empty()) {
    bar.clear();
    if (settings.log != nullptr) {
      throw_kept(options.output);
    }
    throw Interrupted();
  }
  if (options.kv_heads) {
    graph.scores = KvHeads(graph.graph, input.heads_per_kv).added_up(graph.scores);
  }
  graph.edges =
      select_circuit(graph, size, select, eligible(graph.scores, same_sign, options.same_sign));
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

// What finding a circuit took: seconds, and bytes on the model's device.
struct FindCost {
  double seconds = 0.0;
  std::int64_t loaded = 0;  // most, before anything was scored
  std::int64_t peak = 0;
};

// The best scores of a graph; edges of a KV head are listed under one name, where they are one.
Table listed_scores(const CircuitFindOptions& options,
                    const CircuitInput& input,
                    const CircuitGraph& graph) {
  if (!options.kv_heads) {
    return top_scores(
        graph, [&](std::int64_t place) { return scored_name(graph, place); }, options.top);
  }
  const KvHeads kv_heads(graph.graph, input.heads_per_kv);
  return top_scores(
      graph, [&](std::int64_t place) { return kv_heads.name(place); }, options.top);
}

// How many scored nothing, which never are of the circuit; empty if none did.
std::string told_zeros(const CircuitGraph& graph, std::int64_t zeros) {
  return zeros == 0 ? std::string()
                    : fmt::format("{} of {} {}s: none is taken for the circuit",
                                  grouped(zeros),
                                  grouped(std::ssize(graph.scores)),
                                  to_string(graph.level));
}

void show_found(const CircuitFindOptions& options,
                const Invocation& invocation,
                const CircuitGraph& graph,
                const FindCost& cost,
                const Table& table,
                const ExactComparison& exact) {
  const std::vector<bool> nodes = nodes_of(graph.graph, graph.edges);
  const std::int64_t kept = count(graph.edges);
  const auto kept_nodes = std::count(nodes.begin(), nodes.end(), true);
  const std::int64_t zeros = std::count(graph.scores.begin(), graph.scores.end(), 0.0);
  show(invocation,
       {{"path", options.output.out},
        {"method", options.method},
        {"edges", graph.graph.n_edges()},
        {"circuit_edges", kept},
        {"circuit_nodes", kept_nodes},
        {"zero_scores", zeros},
        {"seconds", cost.seconds},
        {"peak_memory", cost.peak},
        {"peak_memory_loaded", cost.loaded},
        {"top", table.json()},
        {"exact", exact.json}},
       facts({{"graph", options.output.out},
              {"method", options.method},
              {"edges", grouped(graph.graph.n_edges())},
              {"circuit", fmt::format("{} edges, {} nodes", grouped(kept), kept_nodes)},
              {"scored 0", told_zeros(graph, zeros)},
              {"took", format_seconds(cost.seconds)},
              {"memory",
               fmt::format("{} at most, {} once the model was loaded",
                           format_bytes(cost.peak),
                           format_bytes(cost.loaded))}}) +
           "\n" + table.text() + exact.text);
}

void find_circuit(const CircuitFindOptions& options, const Invocation& invocation) {
  check_find(options);
  check_graph_output(options.output.out);
  catch_interrupts();
  const CircuitInput input = circuit_input(options.run, invocation);
  FindCost cost{.loaded = peak_memory(input.model.device())};
  const auto start = std::chrono::steady_clock::now();
  StepLog log = find_log(options, invocation, input);
  CircuitGraph graph = found_graph(options, invocation, input, log);
  cost.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  cost.peak = peak_memory(input.model.device());
  graph.made = made_by(options, invocation, input, cost.seconds);
  write_circuit_graph(graph, options.output.out);
  log.discard();
  ExactComparison exact;
  if (options.exact > 0) {
    exact = compared_with_cuts(options, invocation, input, graph);
  }
  show_found(options, invocation, graph, cost, listed_scores(options, input, graph), exact);
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

// What --help says below the options.
const std::string& find_example() {
  static const std::string text =
      "  headscope task make ioi smollm2 -n 50 --corruption s2_io -o ioi.jsonl\n"
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
