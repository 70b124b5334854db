#include "cli/circuit/circuit_picture.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "cli/render/assets.h"
#include "cli/render/map_page.h"
#include "cli/render/text_codes.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr double kPort = 14.0;  // between where q, k and v enter a head

const char* color_of(const DrawnEdge& edge) {
  if (!edge.input) {
    return "#6b6f7a";
  }
  return *edge.input == HeadInput::q   ? "#2b5bd7"
         : *edge.input == HeadInput::k ? "#1f8a4c"
                                       : "#d9741a";
}

std::string input_of(const DrawnEdge& edge) {
  return edge.input ? to_string(*edge.input) : "";
}

std::string edge_name_of(const CircuitLayout& layout, const DrawnEdge& edge) {
  return graph_name(Edge{layout.nodes[edge.from].node, layout.nodes[edge.to].node, edge.input});
}

double strength(const CircuitLayout& layout, const DrawnEdge& edge) {
  const double most = std::abs(layout.edges.front().score);
  return most > 0 ? std::sqrt(std::abs(edge.score) / most) : 0.0;
}

std::string edge_svg(const CircuitLayout& layout, const DrawnEdge& edge) {
  const PlacedNode& from = layout.nodes[edge.from];
  const PlacedNode& to = layout.nodes[edge.to];
  const double port =
      edge.input ? kPort * (static_cast<double>(static_cast<int>(*edge.input)) - 1.0) : 0.0;
  const double x = to.x + port;
  const double start = from.y - kNodeHeight / 2.0;
  const double end = to.y + kNodeHeight / 2.0;
  const double bend = std::max(18.0, (start - end) * 0.4);
  const double weight = strength(layout, edge);
  return fmt::format(
      "<path d=\"M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}\" stroke=\"{}\" "
      "stroke-width=\"{:.2f}\" stroke-opacity=\"{:.2f}\"{}><title>{} {:.4g}</title></path>\n",
      from.x,
      start,
      from.x,
      start - bend,
      x,
      end + bend,
      x,
      end,
      color_of(edge),
      0.6 + 3.4 * weight,
      0.2 + 0.65 * weight,
      edge.score < 0 ? " stroke-dasharray=\"5 3\"" : "",
      escaped(edge_name_of(layout, edge)),
      edge.score);
}

std::string node_svg(const PlacedNode& node) {
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"{}\" "
      "stroke=\"#555a66\"/><text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
      node.x - kNodeWidth / 2.0,
      node.y - kNodeHeight / 2.0,
      kNodeWidth,
      kNodeHeight,
      node.node.kind == Node::Kind::head  ? "#e8eefc"
      : node.node.kind == Node::Kind::mlp ? "#fdf0df"
                                          : "#eceef1",
      node.x,
      node.y + 4.0,
      escaped(node.name));
}

// The label beside a node's row: its layer, by which heads and MLPs are found again.
std::string row_name(const Node& node) {
  return node.kind == Node::Kind::head  ? fmt::format("{} heads", node.layer)
         : node.kind == Node::Kind::mlp ? fmt::format("{} MLP", node.layer)
                                        : "";
}

OrderedJson page_json(const CircuitLayout& layout,
                      const std::string& title,
                      const std::string& footer) {
  OrderedJson json{{"title", title},
                   {"width", layout.width},
                   {"height", layout.height},
                   {"node", {kNodeWidth, kNodeHeight, kPort}},
                   {"left_out", layout.left_out},
                   {"footer", footer},
                   {"nodes", OrderedJson::array()},
                   {"edges", OrderedJson::array()}};
  for (const PlacedNode& node : layout.nodes) {
    const char* kind = node.node.kind == Node::Kind::head  ? "head"
                       : node.node.kind == Node::Kind::mlp ? "mlp"
                                                           : "end";
    json["nodes"].push_back({node.name, node.x, node.y, kind, row_name(node.node)});
  }
  for (const DrawnEdge& edge : layout.edges) {
    json["edges"].push_back(
        {edge.from, edge.to, input_of(edge), std::stod(fmt::format("{:.5g}", edge.score))});
  }
  return json;
}

}  // namespace

std::string circuit_svg(const CircuitLayout& layout, const std::string& title) {
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "width=\"{0:.0f}\" height=\"{1:.0f}\" font-family=\"DejaVu Sans, sans-serif\" "
      "font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
      "<text x=\"16\" y=\"22\" font-size=\"14\">{2}</text>\n",
      layout.width,
      layout.height,
      escaped(title));
  double x = 16.0;
  for (const auto& [word, color] :
       std::vector<std::pair<const char*, const char*>>{{"query", "#2b5bd7"},
                                                        {"key", "#1f8a4c"},
                                                        {"value", "#d9741a"},
                                                        {"MLP, logits", "#6b6f7a"},
                                                        {"- - cutting it helps", "#1d1e22"}}) {
    svg += fmt::format("<text x=\"{:.0f}\" y=\"40\" fill=\"{}\">{}</text>\n", x, color, word);
    x += 62.0;
  }
  svg += "<g fill=\"none\">\n";
  // The strongest last, on top.
  for (auto edge = layout.edges.rbegin(); edge != layout.edges.rend(); ++edge) {
    svg += edge_svg(layout, *edge);
  }
  svg += "</g>\n";
  for (const PlacedNode& node : layout.nodes) {
    svg += node_svg(node);
  }
  return svg + "</svg>\n";
}

std::string circuit_dot(const CircuitLayout& layout) {
  std::string dot = "digraph circuit {\n  rankdir=BT;\n  node [shape=box, style=rounded];\n";
  std::map<double, std::string> rows;
  for (const PlacedNode& node : layout.nodes) {
    rows[node.y] += fmt::format(" \"{}\";", node.name);
  }
  for (const auto& [y, names] : rows) {
    dot += "  { rank=same;" + names + " }\n";
  }
  for (const DrawnEdge& edge : layout.edges) {
    dot += fmt::format(
        "  \"{}\" -> \"{}\" [label=\"{}\", color=\"{}\", penwidth={:.2f}{}, tooltip=\"{:.4g}\"];\n",
        layout.nodes[edge.from].name,
        layout.nodes[edge.to].name,
        input_of(edge),
        color_of(edge),
        0.6 + 3.4 * strength(layout, edge),
        edge.score < 0 ? ", style=dashed" : "",
        edge.score);
  }
  return dot + "}\n";
}

std::string circuit_page(const CircuitLayout& layout,
                         const std::string& title,
                         const std::string& footer) {
  const OrderedJson index = page_json(layout, title, footer);
  return map_page({index, asset_circuit_css(), asset_circuit_js(), asset_circuit_js_sha256()});
}

}  // namespace headscope
