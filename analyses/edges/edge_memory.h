// What attribution of edges takes beside the weights, and how it is kept within bounds.
#pragma once

#include "analyses/edges/circuit_context.h"
#include "analyses/edges/edge_paths.h"
#include "lib/model/memory_need.h"

namespace headscope {

// How one pass over the items is cut.
struct EdgeMemory {
  std::int64_t batch_tokens = 0;      // of items at once
  std::int64_t chunk = 0;             // positions whose readers' gradients are formed at once
  std::int64_t difference_bytes = 0;  // may be kept of all writers' differences
};

// Bytes, leaning upwards, of items of T tokens in all followed backwards in m = `steps` runs. With
// d = d_model, L layers, H heads of d_head, C positions in a block:
//   streams    T·L·d·4 × (1 + m)       of the runs whose gradients are taken, and the first run's
//   written    T·L·(H·d_head + d)·4 × 2  what writers wrote in both runs, then its difference; × 3
//                                      where paths of activations need both to the end
//   backward   m·T × backward_token_bytes()  one layer's values and their gradients
//   block      C·m·3·H·d·4 × 2         gradients at what a layer's q, k and v read, and their mean
//   block      C·(H + 1)·d·4 × 2       one layer of writers
//   layer      3·H·d_head·d·4 × 2      projections in f32
//   scores     writers × readers × 8 × 2, on the host
// [positions, writers, d_model] of the whole model is no part of it: that is formed where memory is
// left when the items are in.
std::int64_t edge_bytes(const ModelConfig& config,
                        const EdgeGraph& graph,
                        const BatchShape& items,
                        std::int64_t steps,
                        std::int64_t chunk,
                        PathOf path);

// Throws ResourceError naming what the longest item needs if that is more than context.memory.
EdgeMemory plan_edges(const CircuitContext& context, std::int64_t steps, PathOf path);

}  // namespace headscope
