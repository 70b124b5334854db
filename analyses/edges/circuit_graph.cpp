#include "analyses/edges/circuit_graph.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"

namespace headscope {
namespace {

std::string in_graph_text(bool in_graph) {
  return in_graph ? "true" : "false";
}

// Written by hand: an 8B model has 1.6 million edges.
std::string nodes_text(const CircuitGraph& graph) {
  const std::vector<bool> nodes = nodes_of(graph.graph, graph.edges);
  std::string text;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node node = graph.graph.writer_node(static_cast<std::int64_t>(i));
    text += fmt::format("\"{}\": {{\"in_graph\": {}", graph_name(node), in_graph_text(nodes[i]));
    text +=
        graph.level == CircuitLevel::node ? fmt::format(", \"score\": {}", graph.scores[i]) : "";
    text += "},\n";
  }
  return text + "\"logits\": {\"in_graph\": true}";
}

std::string edges_text(const CircuitGraph& graph) {
  std::string text;
  auto out = std::back_inserter(text);
  for (std::size_t i = 0; i < graph.edges.size(); ++i) {
    const Edge edge = graph.graph.edge(static_cast<std::int64_t>(i));
    fmt::format_to(out, "{}\"{}\": {{", i == 0 ? "" : ",\n", graph_name(edge));
    if (graph.level == CircuitLevel::edge) {
      fmt::format_to(out, "\"score\": {}, ", graph.scores[i]);
    }
    fmt::format_to(out, "\"in_graph\": {}}}", in_graph_text(graph.edges[i]));
  }
  return text;
}

constexpr TextKind kGraphText{.noun = "graph", .is = [](std::string_view text) {
                                return begins_as_json(text, R"({"cfg":)");
                              }};

class GraphReader {
 public:
  explicit GraphReader(const std::filesystem::path& path) : path_(path), json_(read_json(path)) {
    if (!json_.is_object() || !has_object(json_, "cfg") || !has_object(json_, "nodes") ||
        !has_object(json_, "edges")) {
      throw DataError("{}: no graph: it has no \"cfg\", \"nodes\" and \"edges\"", path.string());
    }
  }

  CircuitGraph read() const {
    CircuitGraph found{.graph = EdgeGraph(shape()), .scores = {}, .edges = {}, .made = {}};
    found.level = scored("edges") ? CircuitLevel::edge : CircuitLevel::node;
    if (found.level == CircuitLevel::node && !scored("nodes")) {
      throw DataError("{}: neither its edges nor its nodes have a \"score\"", path_.string());
    }
    found.made = json_.contains("headscope") ? json_["headscope"] : Json();
    check_nodes(found.graph);
    read_edges(found);
    if (found.level == CircuitLevel::node) {
      read_nodes(found);
    }
    return found;
  }

 private:
  static bool has_object(const Json& json, const char* key) {
    return json.contains(key) && json[key].is_object();
  }

  [[nodiscard]] bool scored(const char* what) const {
    const Json& list = json_[what];
    return !list.empty() && list.begin()->is_object() && list.begin()->contains("score");
  }

  [[nodiscard]] GraphShape shape() const {
    const Json& cfg = json_["cfg"];
    const auto size = [&](const char* key) {
      if (!cfg.contains(key) || !cfg[key].is_number_integer() ||
          cfg[key].get<std::int64_t>() <= 0 || cfg[key].get<std::int64_t>() > 1'000'000) {
        throw DataError("{}: cfg has no \"{}\" that is a size", path_.string(), key);
      }
      return cfg[key].get<std::int64_t>();
    };
    const bool parallel = cfg.value("parallel_attn_mlp", Json(false)) == Json(true);
    return {.n_layers = size("n_layers"),
            .n_heads = size("n_heads"),
            .d_model = size("d_model"),
            .block_order = parallel ? BlockOrder::parallel : BlockOrder::sequential,
            .mlps = json_["nodes"].contains("m0") ? 1 : 0};
  }

  [[nodiscard]] double score_of(const std::string& name, const Json& entry) const {
    const bool number = entry.is_object() && entry.contains("score") && entry["score"].is_number();
    const double score = number ? entry["score"].get<double>() : NAN;
    if (!std::isfinite(score)) {
      throw DataError("{}: {} has no \"score\" that is a number", path_.string(), name);
    }
    return score;
  }

  [[nodiscard]] bool in_graph(const std::string& name, const Json& entry) const {
    if (!entry.is_object() || !entry.contains("in_graph") || !entry["in_graph"].is_boolean()) {
      throw DataError("{}: {} has no \"in_graph\" that is true or false", path_.string(), name);
    }
    return entry["in_graph"].get<bool>();
  }

  void read_edges(CircuitGraph& found) const {
    const auto edges = static_cast<std::size_t>(found.graph.n_edges());
    found.edges.assign(edges, false);
    found.scores.assign(found.level == CircuitLevel::edge ? edges : 0, 0.0);
    for (const auto& [name, entry] : json_["edges"].items()) {
      const std::size_t index = index_of(found.graph, name);
      found.edges[index] = in_graph(name, entry);
      if (found.level == CircuitLevel::edge) {
        found.scores[index] = score_of(name, entry);
      }
    }
    if (json_["edges"].size() != edges) {
      throw DataError(
          "{}: {} edges, but such a model has {}", path_.string(), json_["edges"].size(), edges);
    }
  }

  // Every name is a node of such a model.
  void check_nodes(const EdgeGraph& graph) const {
    for (const auto& [name, entry] : json_["nodes"].items()) {
      try {
        if (const Node node = parse_node(name); node.kind != Node::Kind::logits) {
          static_cast<void>(graph.writer(node));
        }
      } catch (const Error& error) {
        throw DataError("{}: node {}: {}", path_.string(), name, error.what());
      }
    }
  }

  [[nodiscard]] std::size_t index_of(const EdgeGraph& graph, const std::string& name) const {
    try {
      return static_cast<std::size_t>(graph.index(parse_edge(name)));
    } catch (const Error& error) {
      throw DataError("{}: edge {}: {}", path_.string(), name, error.what());
    }
  }

  void read_nodes(CircuitGraph& found) const {
    for (std::int64_t writer = 0; writer < found.graph.n_writers(); ++writer) {
      const std::string name = graph_name(found.graph.writer_node(writer));
      if (!json_["nodes"].contains(name)) {
        throw DataError("{}: no node {}", path_.string(), name);
      }
      found.scores.push_back(score_of(name, json_["nodes"][name]));
    }
  }

  const std::filesystem::path& path_;
  Json json_;
};

}  // namespace

std::string_view to_string(CircuitLevel level) {
  return level == CircuitLevel::edge ? "edge" : "node";
}

CircuitLevel parse_circuit_level(std::string_view text) {
  if (text == "edge" || text == "node") {
    return text == "edge" ? CircuitLevel::edge : CircuitLevel::node;
  }
  throw UsageError("--level {}: there are edge and node", text);
}

std::vector<std::int64_t> ranked(const std::vector<double>& scores, RankBy by) {
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&](std::int64_t i) {
    const double score = scores[static_cast<std::size_t>(i)];
    return by == RankBy::absolute ? std::abs(score) : score;
  };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return key(a) > key(b); });
  return order;
}

void check_graph_output(const std::filesystem::path& path) {
  check_output_file(path);
  check_replaceable(path, kGraphText);
}

void write_circuit_graph(const CircuitGraph& graph, const std::filesystem::path& path) {
  check_graph_output(path);
  const GraphShape& shape = graph.graph.shape();
  const OrderedJson cfg{{"n_layers", shape.n_layers},
                        {"n_heads", shape.n_heads},
                        {"parallel_attn_mlp", shape.block_order == BlockOrder::parallel},
                        {"d_model", shape.d_model}};
  OutputFile file(path);
  file.write("{\"cfg\": " + cfg.dump() + ",\n\"headscope\": " + graph.made.dump() + ",\n");
  file.write("\"nodes\": {\n" + nodes_text(graph) + "},\n\"edges\": {\n");
  file.write(edges_text(graph) + "}}\n");
  file.commit();
}

CircuitGraph read_circuit_graph(const std::filesystem::path& path) {
  return GraphReader(path).read();
}

void check_graph_of(const CircuitGraph& graph,
                    const GraphShape& shape,
                    const std::string& weights_hash,
                    const std::filesystem::path& path) {
  const GraphShape& own = graph.graph.shape();
  if (own != shape) {
    throw DataError(
        "{}: a graph of another model: {} layers of {} heads, {} MLPs a layer, d_model {}, {} "
        "blocks; this one has {} layers of {} heads, {} MLPs, d_model {}, {} blocks",
        path.string(),
        own.n_layers,
        own.n_heads,
        own.mlps,
        own.d_model,
        own.block_order == BlockOrder::parallel ? "parallel" : "sequential",
        shape.n_layers,
        shape.n_heads,
        shape.mlps,
        shape.d_model,
        shape.block_order == BlockOrder::parallel ? "parallel" : "sequential");
  }
  const std::string hash =
      graph.made.is_object() ? graph.made.value("weights_hash", std::string()) : std::string();
  if (!hash.empty() && !weights_hash.empty() && hash != weights_hash) {
    throw DataError("{}: a graph of another model of this shape: weights {}, here {}",
                    path.string(),
                    hash,
                    weights_hash);
  }
}

}  // namespace headscope
