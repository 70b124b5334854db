// The effective OV test of successor heads (Gould et al. 2023, arXiv:2312.09230, section 2).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analyses/head_detectors/detector.h"
#include "analyses/head_detectors/effective_embedding.h"
#include "analyses/head_detectors/succession.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// Each pair of each task, in order: 1 where, of the task's targets, the successor's logit in
// embedding → norm → W_V → W_O → final norm's gain → W_U is higher than every other. Ties fail.
// [pairs, n_layers, n_heads] f64; undefined if the context was stopped.
Tensor successor_hits(const DetectorContext& context,
                      const std::vector<SuccessionTask>& tasks,
                      const EffectiveEmbedding& embedding);

// What a head writes to the logits of `tokens` when it attends to a stream alone: streams [n,
// d_model] → [n, tokens], by norm → W_V → W_O → final norm's gain → W_U.
std::function<Tensor(const Tensor&)> ov_logits(const Model& model,
                                               const HeadId& head,
                                               const std::vector<TokenId>& tokens);

// The same tasks with the successors dealt out anew, none to the token it belongs to (where there
// are two or more).
std::vector<SuccessionTask> shuffled(std::vector<SuccessionTask> tasks, std::uint64_t seed);

}  // namespace headscope
