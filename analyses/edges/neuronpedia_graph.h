// A circuit as the JSON that Neuronpedia's graph viewer takes. Free of Torch.
#pragma once

#include "analyses/edges/circuit_graph.h"

namespace headscope {

// {"metadata": {slug, scan, prompt_tokens, prompt, node_threshold}, "qParams": {…}, "nodes":
// [{node_id, feature, layer, ctx_idx, feature_type, clerp, influence, …}], "links": [{source,
// target, weight}]}. A node is "{layer}_{feature}_{position}", its feature the head's number, or
// n_heads for the layer's MLP; the input is of layer "E", the logits of layer n_layers; positions
// are 0, since edges are of all of them. A link is all edges between two nodes, weighted by the sum
// of their scores, and lists them under "by_input" ("q", "k", "v", or "stream"): that, and
// "influence" (the largest |score| of a node's edges over that of all), is our own. Of the circuit
// alone. Of a graph of nodes, links have the weight of the writer's score.
OrderedJson neuronpedia_graph(const CircuitGraph& graph);

}  // namespace headscope
