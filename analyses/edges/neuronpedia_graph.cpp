#include "analyses/edges/neuronpedia_graph.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

namespace headscope {
namespace {

struct Place {
  std::string layer;
  std::int64_t feature = 0;
  std::string_view type;
};

Place place_of(const Node& node, const GraphShape& shape) {
  switch (node.kind) {
    case Node::Kind::input:
      return {"E", 0, "embedding"};
    case Node::Kind::head:
      return {std::to_string(node.layer), node.head, "attention head"};
    case Node::Kind::mlp:
      return {std::to_string(node.layer), shape.n_heads, "mlp"};
    default:
      return {std::to_string(shape.n_layers), 0, "logit"};
  }
}

std::string id_of(const Node& node, const GraphShape& shape) {
  const Place place = place_of(node, shape);
  return fmt::format("{}_{}_0", place.layer, place.feature);
}

std::string word_of(const CircuitGraph& graph, const char* key) {
  const bool there =
      graph.made.is_object() && graph.made.contains(key) && graph.made[key].is_string();
  return there ? graph.made[key].get<std::string>() : std::string();
}

struct Link {
  Node from, to;
  double weight = 0.0;
  OrderedJson by_input = OrderedJson::object();
};

// In the order of the edges.
std::vector<Link> links_of(const CircuitGraph& graph) {
  std::vector<Link> links;
  std::map<std::pair<Node, Node>, std::size_t> numbers;
  for (std::size_t i = 0; i < graph.edges.size(); ++i) {
    if (!graph.edges[i]) {
      continue;
    }
    const Edge edge = graph.graph.edge(static_cast<std::int64_t>(i));
    const auto from = static_cast<std::size_t>(graph.graph.writer(edge.from));
    const bool by_node = graph.level == CircuitLevel::node;
    const double score = graph.scores[by_node ? from : i];
    const auto [entry, fresh] = numbers.emplace(std::pair{edge.from, edge.to}, links.size());
    if (fresh) {
      links.push_back({.from = edge.from, .to = edge.to});
    }
    Link& link = links[entry->second];
    link.weight = by_node ? score : link.weight + score;
    link.by_input[edge.input ? to_string(*edge.input) : "stream"] = score;
  }
  return links;
}

OrderedJson node_json(const Node& node, const GraphShape& shape, double influence) {
  const Place place = place_of(node, shape);
  const std::string id = id_of(node, shape);
  return {{"node_id", id},
          {"jsNodeId", id},
          {"feature", place.feature},
          {"layer", place.layer},
          {"ctx_idx", 0},
          {"reverse_ctx_idx", 0},
          {"feature_type", place.type},
          {"token_prob", 0.0},
          {"is_target_logit", node.kind == Node::Kind::logits},
          {"run_idx", 0},
          {"activation", nullptr},
          {"clerp", graph_name(node)},
          {"influence", influence}};
}

}  // namespace

OrderedJson neuronpedia_graph(const CircuitGraph& graph) {
  const GraphShape& shape = graph.graph.shape();
  const std::vector<Link> links = links_of(graph);
  std::map<Node, double> strongest;
  double most = 0.0;
  OrderedJson list = OrderedJson::array();
  for (const Link& link : links) {
    for (const Node& end : {link.from, link.to}) {
      strongest[end] = std::max(strongest[end], std::abs(link.weight));
    }
    most = std::max(most, std::abs(link.weight));
    list.push_back({{"source", id_of(link.from, shape)},
                    {"target", id_of(link.to, shape)},
                    {"weight", link.weight},
                    {"by_input", link.by_input}});
  }
  OrderedJson nodes = OrderedJson::array();
  for (const auto& [node, weight] : strongest) {
    nodes.push_back(node_json(node, shape, most > 0 ? weight / most : 0.0));
  }
  const std::string model = word_of(graph, "model");
  return {{"metadata",
           {{"slug", "headscope-" + word_of(graph, "method")},
            {"scan", model},
            {"prompt_tokens", OrderedJson::array()},
            {"prompt", ""},
            {"node_threshold", 1.0}}},
          {"qParams",
           {{"linkType", "both"},
            {"pinnedIds", OrderedJson::array()},
            {"clickedId", ""},
            {"supernodes", OrderedJson::array()},
            {"sg_pos", ""}}},
          {"nodes", nodes},
          {"links", list}};
}

}  // namespace headscope
