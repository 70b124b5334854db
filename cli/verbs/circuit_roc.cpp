// headscope circuit roc: how well a graph's ranking finds a circuit that is known
// (analyses/edges/truth.h).
#include <algorithm>
#include <cmath>
#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/edges/circuit_method.h"
#include "analyses/edges/truth.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

struct RocArguments {
  std::string graph;
  std::string truth;
  std::string rank = "absolute";
};

std::vector<double> ranking_scores(const std::vector<double>& scores, const std::string& rank) {
  std::vector<double> out = scores;
  if (rank == "absolute") {
    std::transform(out.begin(), out.end(), out.begin(), [](double s) { return std::abs(s); });
  }
  return out;
}

OrderedJson roc_json(const Roc& roc) {
  OrderedJson points = OrderedJson::array();
  for (const RocPoint& point : roc.points) {
    points.push_back({point.false_positives, point.true_positives});
  }
  return {{"all", roc.all},
          {"true", roc.positives},
          {"auc", cell_of(roc.trapezoid)},
          {"auc_staircase", cell_of(roc.staircase)},
          {"best_tpr_minus_fpr", roc.best},
          {"best_size", roc.best_size},
          {"points", points}};
}

struct Rocs {
  std::optional<Roc> edges;
  Roc nodes;
  double by_sizes = 0.0;
};

Rocs rocs_of(const CircuitGraph& graph, const CircuitTruth& truth, const std::string& rank) {
  Rocs found;
  const bool edges = graph.level == CircuitLevel::edge;
  if (edges) {
    found.edges = roc_of(without(ranking_scores(graph.scores, rank), truth.constant),
                         without(truth.edges, truth.constant));
  }
  found.nodes =
      roc_of(edges ? best_edge_of_nodes(graph) : ranking_scores(graph.scores, rank), truth.nodes);
  found.by_sizes = roc_by_sizes(graph, truth.edges, truth.constant);
  return found;
}

Table roc_table(const Rocs& found) {
  Table table({{"of"},
               {"true"},
               {"all"},
               {"AUC"},
               {"AUC, corners alone", 3, "auc_staircase"},
               {"best tpr − fpr", 3, "best_tpr_minus_fpr"},
               {"at size", 0, "best_size"}});
  const auto add = [&](const char* what, const Roc& roc) {
    table.row({what,
               roc.positives,
               roc.all,
               cell_of(roc.trapezoid),
               cell_of(roc.staircase),
               roc.best,
               roc.best_size});
  };
  if (found.edges) {
    add("edges", *found.edges);
  }
  add("nodes", found.nodes);
  return table;
}

// Why the method is not expected to find all of it: the truth's own word, or the method's.
std::string known_limit(const CircuitTruth& truth, const std::string& method) {
  if (const auto limit = truth.not_found_by.find(method); limit != truth.not_found_by.end()) {
    return limit->second;
  }
  for (const CircuitMethod& each : all_circuit_methods()) {
    if (each.name == method) {
      return std::string(each.limit);
    }
  }
  return {};
}

void show_roc(const RocArguments& options, const Invocation& invocation) {
  const CircuitGraph graph = read_circuit_graph(options.graph);
  const CircuitTruth truth = read_truth(options.truth, graph.graph);
  const Rocs found = rocs_of(graph, truth, options.rank);
  const std::string method =
      graph.made.is_object() ? graph.made.value("method", std::string()) : std::string();
  const std::string known = known_limit(truth, method);
  OrderedJson json{{"graph", options.graph},
                   {"truth", options.truth},
                   {"model", truth.model},
                   {"method", method},
                   {"rank", options.rank},
                   {"nodes", roc_json(found.nodes)},
                   {"edges", found.edges ? roc_json(*found.edges) : OrderedJson()},
                   {"auc_by_sizes", cell_of(found.by_sizes)},
                   {"not_expected_to_find_it", known.empty() ? OrderedJson() : OrderedJson(known)}};
  show(invocation,
       json,
       facts({{"graph", options.graph + (method.empty() ? "" : " (" + method + ")")},
              {"truth", options.truth + (truth.model.empty() ? "" : " (" + truth.model + ")")},
              {"known limit", known}}) +
           "\n" + roc_table(found).text() +
           fmt::format("\nAUC of edges by MIB's sizes, greedy: {}\n",
                       std::isnan(found.by_sizes) ? "–" : format_number(found.by_sizes)));
}

}  // namespace

Verb circuit_roc_verb() {
  return {
      .name = "circuit roc",
      .summary = "How well a graph's ranking finds a circuit that is known",
      .example =
          "  headscope circuit roc --graph graph.json --truth truth.json\n"
          "\n"
          "AUC: the area under the curve over every score by trapezoids, the chance that what is "
          "of the circuit\nscores above what is not, ties half. Corners alone: Σ (1 − fpr₊)(tpr₊ − "
          "tpr), smaller where scores\ntie (Conmy et al. 2023). By MIB's sizes: circuits of .001 … "
          "1 of all edges, chosen greedily from the\nlogits, fpr divided by its last value. A "
          "node's score in a graph of edges is the best of its edges'. Edges that\nthe truth calls "
          "constant (the same in "
          "both runs) count neither way.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<RocArguments>();
        app.add_option("--graph", options->graph, "A graph of circuit find, or EAP-IG's JSON")
            ->required()
            ->check(names_a_file);
        app.add_option("--truth", options->truth, "truth.json of the model")
            ->required()
            ->check(names_a_file);
        app.add_option("--rank", options->rank, "Edges by absolute or by signed score")
            ->check(CLI::IsMember({"absolute", "signed"}))
            ->capture_default_str();
        return [options, &invocation] { show_roc(*options, invocation); };
      },
  };
}

}  // namespace headscope
