// Which part of what a head raises in the logits is on tokens of the context.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

struct ContextTokens {
  std::vector<std::int32_t> in;   // of the context, each once
  std::vector<std::int32_t> out;  // others, for control
  std::int64_t from = 0;          // the first query that counts; every second one does
};

// written [n, d_model], what a head adds to the stream → of its logits less their mean, negative
// ones dropped, the share on `in` and on `out`: [2, n] f64. 0 where it writes nothing.
Tensor raised_share(const Model& model, const Tensor& written, const ContextTokens& tokens);

// A share on `in` tokens of a vocabulary, rescaled: −1 for none, 0 for chance (in / vocabulary),
// nearly 1 for all.
Tensor above_chance(const Tensor& share, std::int64_t in, std::int64_t vocabulary);

// Of every head on a prompt: [2, queries, n_layers, n_heads]; undefined if it was stopped.
Tensor context_masses(const Model& model,
                      const ContextTokens& tokens,
                      const std::vector<std::int32_t>& prompt,
                      const std::function<bool()>& stop);

}  // namespace headscope
