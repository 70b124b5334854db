// Relevance in place of gradients: the backward pass by the rules of layer-wise relevance
// propagation (Jafari et al. 2025, RelP, arXiv:2508.21258), which a curve between two runs does not
// mislead. The forward pass stays what it is.
#pragma once

#include "lib/model/model.h"

namespace headscope {

// The same model, whose gradients are taken as if it were linear around the run:
//   norms       x / σ with σ held constant (the LN rule)
//   patterns    attention with its pattern held constant (the AH rule), so that nothing flows
//               through queries and keys
//   activation  f(x) as (f(x)/x) · x with the quotient held constant (the identity rule)
//   gates       each factor of f(x) · y gets half of what flows back (the half rule)
// A soft-cap of the logits keeps its gradient.
Model with_relevance_rules(const Model& model);

}  // namespace headscope
