// headscope circuit stability: how much of a circuit is the prompts' doing
// (analyses/edges/stability.h).
#include <algorithm>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/stability.h"
#include "cli/choices.h"
#include "cli/circuit/circuit_options.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"

namespace headscope {
namespace {

struct StabilityArguments {
  CircuitRunOptions run;
  std::string method = "eap-ig";
  std::string level = "edge";
  std::string select = "absolute";
  StabilityOptions options;
  std::size_t top = 10;
};

Table stable_table(const EdgeGraph& graph,
                   const Stability& found,
                   CircuitLevel level,
                   std::size_t top) {
  const std::string what(to_string(level));
  Table table({{what}, {"score", 4}, {"same sign in", 2, "same_sign"}, {"in circuits", 2}});
  const std::vector<std::int64_t> order = ranked(found.scores, RankBy::absolute);
  for (std::size_t i = 0; i < std::min(top, order.size()); ++i) {
    const auto place = static_cast<std::size_t>(order[i]);
    const bool edge = level == CircuitLevel::edge;
    table.row({edge ? graph_name(graph.edge(order[i])) : graph_name(graph.writer_node(order[i])),
               found.scores[place],
               found.same_sign[place],
               edge ? OrderedJson(found.in_circuit[place]) : OrderedJson()});
  }
  return table;
}

void show_stability(const StabilityArguments& arguments, const Invocation& invocation) {
  catch_interrupts();
  const CircuitMethod& method = find_circuit_method(arguments.method);
  const CircuitLevel level = parse_circuit_level(arguments.level);
  const CircuitInput input = circuit_input(arguments.run, invocation);
  const CircuitContext context = circuit_context(arguments.run, input);
  Progress bar(static_cast<std::int64_t>(input.task.items.size()), {.label = "scoring"});
  std::int64_t shown = 0;
  StabilityOptions options = arguments.options;
  options.select = parse_select_by(arguments.select);
  options.size = options.size > 0 ? options.size : usual_size(context.graph, level);
  options.settings.seed = invocation.common.seed;
  options.settings.stop = interrupted;
  options.settings.progress = [&](std::int64_t done, std::int64_t) {
    bar.add(done - std::exchange(shown, done));
  };
  const Stability found = circuit_stability(context, method, level, options);
  const Table table = stable_table(context.graph, found, level, arguments.top);
  const auto steady = std::count_if(
      found.in_circuit.begin(), found.in_circuit.end(), [](double s) { return s >= 0.95; });
  show(invocation,
       {{"method", arguments.method},
        {"items", input.task.items.size()},
        {"bootstraps", options.bootstraps},
        {"size", options.size},
        {"jaccard", found.jaccard},
        {"node_jaccard", found.node_jaccard},
        {"edges_in_95_percent", steady},
        {"top", table.json()}},
       facts({{"method", arguments.method},
              {"resamples",
               fmt::format("{} of {} items", options.bootstraps, input.task.items.size())},
              {"mean pairwise Jaccard",
               fmt::format("{} of edges, {} of nodes",
                           format_number(found.jaccard),
                           format_number(found.node_jaccard))},
              {"edges in 95 % of the circuits", std::to_string(steady)}}) +
           "\n" + table.text());
}

void add_stability_options(CLI::App& app, StabilityArguments& arguments) {
  add_circuit_run_options(app, arguments.run);
  app.add_option(
         "--method",
         arguments.method,
         names_of(all_circuit_methods()) + ", as in circuit find; its scores are means over items")
      ->capture_default_str();
  app.add_option("--level", arguments.level, "What is scored")
      ->check(CLI::IsMember({"edge", "node"}))
      ->capture_default_str();
  app.add_option("--select", arguments.select, "As in circuit find")
      ->check(CLI::IsMember({"absolute", "signed", "greedy"}))
      ->capture_default_str();
  app.add_option("--size", arguments.options.size, "Edges (or nodes) of each circuit")
      ->check(CLI::PositiveNumber)
      ->default_str("a hundredth of edges, a tenth of nodes");
  app.add_option("--bootstraps", arguments.options.bootstraps, "Resamples of the items")
      ->check(CLI::Range(2, 10000))
      ->capture_default_str();
  app.add_option("--steps", arguments.options.settings.steps, "Steps of integrated gradients")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--top", arguments.top, "Edges to list")->capture_default_str();
}

}  // namespace

Verb circuit_stability_verb() {
  return {
      .name = "circuit stability",
      .summary = "How far circuits of resampled prompts are the same",
      .example =
          "  headscope circuit stability smollm2 --task ioi.jsonl --method eap --bootstraps 100\n"
          "\n"
          "The items are drawn again with replacement, as many as there are, and the circuit is "
          "chosen anew: the\nmean of Jaccard's index over all pairs of circuits. An edge whose "
          "score keeps its sign in 95 % of the\nresamples is no accident of these prompts.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto arguments = std::make_shared<StabilityArguments>();
        add_stability_options(app, *arguments);
        return [arguments, &app, &invocation] {
          if (!arguments->method.starts_with("eap-ig")) {
            refuse_without(app, {"steps"}, "--method eap-ig or eap-ig-act");
          }
          show_stability(*arguments, invocation);
        };
      },
  };
}

}  // namespace headscope
