// Discrete-code circuits: heads and edges of a circuit from what heads write alone, without a
// single changed run (O'Neill & Bui 2024, arXiv:2405.12522). One small autoencoder for all heads
// turns each head's output into a code; a head whose codes differ between prompts with and without
// the property is part of the circuit.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analyses/discrete_codes/code_sae.h"
#include "analyses/discrete_codes/code_scores.h"

namespace headscope {

// none: vectors as they are, which the published λ of models of GPT-2's scale expects; rms: all
// divided by one number, the root mean square of the training vectors' elements.
enum class CodeScale { none, rms };

struct CodeCircuitOptions {
  std::int64_t examples = 10;  // prompts the autoencoder is trained on, of both kinds together
  CodeScale scale = CodeScale::none;
  CodeNormalise normalise = CodeNormalise::count;
  CodeSaeOptions sae{};  // its seed also draws the training prompts
};

// What heads write for prompts with the property and without it, as head_features() gives it.
struct CodeExamples {
  HeadGrid grid;
  Tensor positive;  // [prompts, heads, d_model] f32
  Tensor negative;
};

struct CodeCircuit {
  std::uint64_t seed = 0;
  HeadScores nodes{};
  std::vector<CodeEdge> edges{};  // all pairs, the best first
  HeadScores edge_nodes{};        // heads_of_edges()
  // Of the autoencoder over all prompts: Σ ‖x − x̂‖² / Σ ‖x − x̄‖², how many codes some head took
  // on, and the mean number of features that are not 0.
  double fvu = 0.0;
  std::int64_t codes_used = 0;
  double l0 = 0.0;
};

// Throws UsageError for more training prompts than there are, and where the autoencoder gives every
// head of every prompt the same code: it has learned nothing (λ or the scale do not suit the
// model), and scores would all be 0.
CodeCircuit code_circuit(const CodeExamples& examples, const CodeCircuitOptions& options);

}  // namespace headscope
