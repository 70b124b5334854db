// headscope circuit show: a circuit as a page, a picture or Graphviz's text
// (cli/circuit/circuit_picture.h).
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/edges/neuronpedia_graph.h"
#include "cli/circuit/circuit_picture.h"
#include "cli/output.h"
#include "cli/render/page_policy.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"

namespace headscope {
namespace {

struct ShowArguments {
  std::string graph;
  std::string out;
  std::size_t most = 1000;
  bool overwrite = false;
};

std::string made_word(const CircuitGraph& graph, const char* key) {
  const bool there =
      graph.made.is_object() && graph.made.contains(key) && graph.made[key].is_string();
  return there ? graph.made[key].get<std::string>() : std::string();
}

std::string title_of(const CircuitGraph& graph) {
  const std::string method = made_word(graph, "method");
  const std::string model = made_word(graph, "model");
  return method.empty() ? "Circuit" : fmt::format("Circuit of {} by {}", model, method);
}

std::string rendered(const CircuitGraph& graph,
                     const CircuitLayout& layout,
                     const std::string& as) {
  if (as == ".svg") {
    return circuit_svg(layout, title_of(graph));
  }
  if (as == ".dot") {
    return circuit_dot(layout);
  }
  if (as == ".html") {
    return circuit_page(layout, title_of(graph), made_word(graph, "command_line"));
  }
  if (as == ".json") {
    return neuronpedia_graph(graph).dump(1) + "\n";
  }
  throw UsageError("-o FILE ends in .html, .svg, .dot or .json");
}

constexpr TextKind kDotText{.noun = "graph of Graphviz (.dot)", .is = [](std::string_view text) {
                              return text.starts_with("digraph ");
                            }};

constexpr TextKind kViewerGraph{
    .noun = "graph of Neuronpedia's viewer",
    .is = [](std::string_view text) { return begins_as_json(text, "{\"metadata\":"); }};

// What is replaced is of the kind that is written.
void check_picture_output(const std::filesystem::path& path) {
  if (path.extension() == ".html") {
    check_page_output(path);
    return;
  }
  check_output_file(path);
  check_replaceable(path,
                    path.extension() == ".svg"    ? kSvgPicture
                    : path.extension() == ".json" ? kViewerGraph
                                                  : kDotText);
}

void show_circuit(const ShowArguments& options, const Invocation& invocation) {
  if (!options.overwrite && path_exists(options.out)) {
    throw UsageError("{}: exists already; replace it with --overwrite or choose another -o",
                     options.out);
  }
  check_picture_output(options.out);
  const CircuitGraph graph = read_circuit_graph(options.graph);
  const CircuitLayout layout = circuit_layout(graph, options.most);
  write_file(options.out,
             rendered(graph, layout, std::filesystem::path(options.out).extension().string()));
  show(invocation,
       {{"path", options.out},
        {"nodes", layout.nodes.size()},
        {"edges", layout.edges.size()},
        {"left_out", layout.left_out}},
       facts({{"file", options.out},
              {"nodes", std::to_string(layout.nodes.size())},
              {"edges", std::to_string(layout.edges.size())},
              {"weaker edges left out",
               layout.left_out > 0 ? std::to_string(layout.left_out) : std::string()}}));
}

}  // namespace

Verb circuit_show_verb() {
  return {
      .name = "circuit show",
      .summary = "A circuit as a page to explore, a picture, or Graphviz's text",
      .example =
          "  headscope circuit show graph.json -o circuit.html\n"
          "  headscope circuit show graph.json --most 200 -o circuit.svg\n"
          "  headscope circuit show graph.json -o neuronpedia.json\n"
          "\n"
          "Edges are blue into queries, green into keys, orange into values, grey into MLPs and "
          "logits; dashed\nwhere cutting one helps; as wide as their scores are large. The page "
          "filters, finds nodes and shows\nwhat is under the pointer. .json is what Neuronpedia's "
          "graph viewer takes, of the whole circuit: "
          "nodes\nnamed layer_head_0, all edges between two nodes one link.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<ShowArguments>();
        app.add_option("GRAPH", options->graph, "A graph of circuit find, or EAP-IG's JSON")
            ->required()
            ->check(names_a_file);
        app.add_option("--most", options->most, "Edges to draw, the strongest")
            ->check(CLI::Range(1, 20000))
            ->capture_default_str();
        add_output(
            app, options->out, "The file to write: .html, .svg, .dot, or .json (Neuronpedia's)")
            ->required();
        app.add_flag("--overwrite", options->overwrite, "Replace an existing file");
        return [options, &invocation] { show_circuit(*options, invocation); };
      },
  };
}

}  // namespace headscope
