// Runs on the way from what replaces some writers to what they write in the clean run: where
// gradients are taken.
#pragma once

#include <functional>

#include "analyses/edges/circuit_context.h"
#include "analyses/edges/edge_products.h"

namespace headscope {

// inputs: one path, of the token embeddings; it serves the edges of all writers.
// activations: a path for the input, the heads of each layer together and each MLP; it serves the
// edges that leave them, and everything before them is the clean run.
enum class PathOf { inputs, activations };

// m runs, rows run by run: the k-th is k/m of the way, the last one the clean run.
struct EdgePath {
  WriterRange writers;  // whose edges it serves
  Model model;          // the model, with what is written changed
  Resume from;
};

// Calls visit(path) one after the other, until it returns false. `own` and `other` are what the
// batch's clean runs and their replacements write.
void each_path(const CircuitContext& context,
               PathOf of,
               std::int64_t steps,
               const PromptBatch& batch,
               const Written& own,
               const Written& other,
               const std::function<bool(const EdgePath&)>& visit);

}  // namespace headscope
