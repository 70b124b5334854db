// headscope circuit overlap: how far two circuits are the same (analyses/edges/compare_circuits.h).
#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/edges/compare_circuits.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/verbs.h"

namespace headscope {
namespace {

struct OverlapArguments {
  std::string a;
  std::string b;
  std::size_t top = 10;
};

Table sets_table(const CircuitOverlap& found) {
  Table table({{"of"}, {"A"}, {"B"}, {"in both"}, {"Jaccard"}});
  const auto add = [&](const char* what, const SetOverlap& sets) {
    table.row({what, sets.first, sets.second, sets.both, sets.jaccard()});
  };
  add("edges", found.edges);
  add("nodes", found.nodes);
  return table;
}

OrderedJson maybe_number(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson();
}

void show_overlap(const OverlapArguments& options, const Invocation& invocation) {
  const CircuitGraph a = read_circuit_graph(options.a);
  const CircuitGraph b = read_circuit_graph(options.b);
  const CircuitOverlap found = overlap_of_graphs(a, b);
  OrderedJson shared = OrderedJson::array();
  std::string names;
  for (const std::int64_t edge : found.shared) {
    shared.push_back(graph_name(a.graph.edge(edge)));
    if (shared.size() <= options.top) {
      names += (names.empty() ? "" : " ") + shared.back().get<std::string>();
    }
  }
  const auto shown = [](const std::optional<double>& value) {
    return value ? format_number(*value) : std::string("– (other levels, or no variation)");
  };
  show(invocation,
       {{"a", options.a},
        {"b", options.b},
        {"sets", sets_table(found).json()},
        {"pearson", maybe_number(found.pearson)},
        {"spearman", maybe_number(found.spearman)},
        {"shared", shared}},
       facts({{"A", options.a}, {"B", options.b}}) + "\n" + sets_table(found).text() + "\n" +
           facts({{"Pearson of all scores", shown(found.pearson)},
                  {"Spearman", shown(found.spearman)},
                  {"shared", names + (shared.size() > options.top ? " …" : "")}}));
}

}  // namespace

Verb circuit_overlap_verb() {
  return {
      .name = "circuit overlap",
      .summary = "How far two circuits are the same: shared edges and nodes, correlation of scores",
      .example = "  headscope circuit overlap eap.json eap_ig.json",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<OverlapArguments>();
        app.add_option("A", options->a, "A graph of circuit find, or EAP-IG's JSON")->required();
        app.add_option("B", options->b, "Another of the same model")->required();
        app.add_option("--top", options->top, "Shared edges to list")->capture_default_str();
        return [options, &invocation] { show_overlap(*options, invocation); };
      },
  };
}

}  // namespace headscope
