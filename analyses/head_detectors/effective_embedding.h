// A token as the heads of later layers meet it: what the first block's MLP makes of its embedding,
// with no attention and no position. A model without MLPs leaves the embedding as it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

struct EffectiveEmbedding {
  // whole: W_E + MLP0(·), the stream behind the block (McDougall et al. 2023, arXiv:2310.04625,
  // section 3.1: W_EE). mlp: MLP0(·) alone (Gould et al. 2023, arXiv:2312.09230, section 2).
  enum class Part { whole, mlp } part = Part::whole;
  // Whether the MLP reads through its norm, as in the model. Tigges et al. 2024 (arXiv:2407.10827)
  // leave it out.
  enum class Norm { applied, skipped } norm = Norm::applied;
};
std::string to_string(const EffectiveEmbedding& which);  // "W_E + MLP0(LN(W_E))"

// [tokens, d_model] f32 on the model's device. The first block's attention writes nothing, its bias
// included. Throws UsageError for a token outside the vocabulary.
Tensor effective_embedding(const Model& model,
                           const std::vector<std::int32_t>& tokens,
                           const EffectiveEmbedding& which = {});

}  // namespace headscope
