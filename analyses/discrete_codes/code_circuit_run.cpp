#include "analyses/discrete_codes/code_circuit_run.h"

#include <algorithm>
#include <cmath>

#include "analyses/metric/auc.h"
#include "lib/base/error.h"
#include "lib/base/ordered_json.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

std::vector<bool> truth_of(const HeadGrid& grid, const std::vector<HeadId>& known) {
  std::vector<bool> truth(grid.size(), false);
  for (const HeadId& head : known) {
    if (!grid.contains(head)) {
      throw UsageError("head {} is said to be of the circuit, but the model has {} layers of {}",
                       to_string(head),
                       grid.n_layers,
                       grid.n_heads);
    }
    truth[grid.index_of(head)] = true;
  }
  if (!known.empty() && std::find(truth.begin(), truth.end(), false) == truth.end()) {
    throw UsageError("every head is said to be of the circuit: there is nothing to tell apart");
  }
  return truth;
}

void add(HeadScores& sum, const HeadScores& scores, double weight) {
  for (std::size_t i = 0; i < sum.size(); ++i) {
    sum.values[i] += weight * scores.values[i];
  }
}

class Counted {  // tells how many prompts and circuits are done
 public:
  Counted(const CodeCircuitRequest& request, std::int64_t total)
      : request_(request), total_(total) {}
  void add(std::int64_t more) {
    done_ += more;
    if (request_.progress) {
      request_.progress(done_, total_);
    }
  }

 private:
  const CodeCircuitRequest& request_;
  std::int64_t total_;
  std::int64_t done_ = 0;
};

CodeExamples examples_of(const Model& model,
                         const std::vector<TaskItem>& items,
                         const CodeCircuitRequest& request,
                         Counted& counted) {
  HeadFeatureOptions options{.over = request.over,
                             .batch_tokens = request.batch_tokens,
                             .progress = [&](std::int64_t prompts) { counted.add(prompts); },
                             .stop = request.stop};
  const at::Device device = to_torch(model.device());
  options.stored = request.clean;
  const Tensor positive = head_features(model, items, Run::clean, options).to(device);
  options.stored = request.corrupted;
  return {head_grid(model.config()),
          positive,
          head_features(model, items, Run::corrupted, options).to(device)};
}

OrderedJson json_of(const HeadScores& scores) {
  OrderedJson json = OrderedJson::object();
  for (const HeadId& head : scores.heads()) {
    json[to_string(head)] = finite_or_null(scores[head]);
  }
  return json;
}

OrderedJson json_of(const std::vector<double>& values) {
  OrderedJson json = OrderedJson::array();
  for (const double value : values) {
    json.push_back(finite_or_null(value));
  }
  return json;
}

OrderedJson json_of(const CodeCircuit& circuit, std::size_t most_edges) {
  OrderedJson edges = OrderedJson::array();
  for (std::size_t i = 0; i < std::min(most_edges, circuit.edges.size()); ++i) {
    const CodeEdge& edge = circuit.edges[i];
    edges.push_back({{"heads", {to_string(edge.first), to_string(edge.second)}},
                     {"score", finite_or_null(edge.score)}});
  }
  return {{"seed", circuit.seed},
          {"fvu", finite_or_null(circuit.fvu)},
          {"l0", finite_or_null(circuit.l0)},
          {"codes_used", circuit.codes_used},
          {"nodes", json_of(circuit.nodes)},
          {"edges", edges}};
}

}  // namespace

CodeCircuits code_circuits(const Model& model,
                           const std::vector<TaskItem>& items,
                           const CodeCircuitRequest& request) {
  const HeadGrid grid = head_grid(model.config());
  const std::vector<bool> truth = truth_of(grid, request.known);
  Counted counted(request, 2 * static_cast<std::int64_t>(items.size()) + request.seeds);
  const CodeExamples examples = examples_of(model, items, request, counted);
  CodeCircuits found{{}, HeadScores(grid), HeadScores(grid), {}, {}};
  for (std::int64_t i = 0; i < request.seeds; ++i) {
    CodeCircuitOptions options = request.options;
    options.sae.seed += static_cast<std::uint64_t>(i);
    options.sae.stop = request.stop;
    const CodeCircuit circuit = code_circuit(examples, options);
    add(found.nodes, circuit.nodes, 1.0 / static_cast<double>(request.seeds));
    add(found.edge_nodes, circuit.edge_nodes, 1.0 / static_cast<double>(request.seeds));
    if (!request.known.empty()) {
      found.node_auc.push_back(roc_auc(circuit.nodes.values, truth));
      found.edge_auc.push_back(roc_auc(circuit.edge_nodes.values, truth));
    }
    found.circuits.push_back(circuit);
    counted.add(1);
  }
  return found;
}

OrderedJson to_json(const CodeCircuits& found, std::size_t edges) {
  OrderedJson runs = OrderedJson::array();
  for (const CodeCircuit& circuit : found.circuits) {
    runs.push_back(json_of(circuit, edges));
  }
  OrderedJson json{{"nodes", json_of(found.nodes)}, {"edge_nodes", json_of(found.edge_nodes)}};
  if (!found.node_auc.empty()) {
    json["node_auc"] = json_of(found.node_auc);
    json["edge_auc"] = json_of(found.edge_auc);
  }
  json["seeds"] = runs;
  return json;
}

}  // namespace headscope
