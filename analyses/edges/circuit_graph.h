// A graph whose edges, or nodes, have scores, and the circuit chosen of them: what `circuit find`
// writes and everything else reads.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "analyses/edges/circuit_mask.h"
#include "lib/base/json.h"

namespace headscope {

enum class CircuitLevel { edge, node };
std::string_view to_string(CircuitLevel level);
CircuitLevel parse_circuit_level(std::string_view text);  // UsageError naming both

struct CircuitGraph {
  EdgeGraph graph;
  CircuitLevel level = CircuitLevel::edge;
  // edge: [n_edges]. node: [n_writers], the input, heads and MLPs.
  std::vector<double> scores;
  EdgeSet edges;  // the circuit; of nodes: the edges between its nodes
  Json made;  // provenance: method, metric, ablation, task, model, …; null of other tools' files
};

// Places of `scores` from the largest down, equal ones by their number.
enum class RankBy { signed_score, absolute };
std::vector<std::int64_t> ranked(const std::vector<double>& scores, RankBy by);

// The file of EAP-IG (github.com/hannamw/EAP-IG, Graph.to_json): {"cfg": {n_layers, n_heads,
// parallel_attn_mlp, d_model}, "nodes": {name: {in_graph[, score]}}, "edges": {name: {score,
// in_graph}}}, and our provenance under "headscope". At level node, nodes have the scores.
void write_circuit_graph(const CircuitGraph& graph, const std::filesystem::path& path);

// To be asked before the work of a graph, and as it is written. Throws UsageError if a file that is
// no graph stands at `path`, and what check_output_file() does.
void check_graph_output(const std::filesystem::path& path);

// Reads that, ours or EAP-IG's. Throws DataError naming what is wrong: an unknown node or edge, one
// that is missing, a score that is no number, no scores at all.
CircuitGraph read_circuit_graph(const std::filesystem::path& path);

// Throws DataError if the graph was found in a model of other sizes, or, where the file says so, of
// other weights. `shape` and `weights_hash` are the model's.
void check_graph_of(const CircuitGraph& graph,
                    const GraphShape& shape,
                    const std::string& weights_hash,
                    const std::filesystem::path& path);

}  // namespace headscope
