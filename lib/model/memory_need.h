// What running a model takes, and how much at once is worth it: the numbers that every plan of
// batches shares. Plans decide which prompts run together and with that how results round, so a
// change here changes the last digits of stored results.
#pragma once

#include <cstdint>

#include "lib/attention/attention.h"
#include "lib/model/model.h"

namespace headscope {

// Tokens in one pass whose values alone are kept, and of one whose logits over the whole vocabulary
// are: enough for products to run at full speed.
inline constexpr std::int64_t kTokensAtOnce = 4096;
inline constexpr std::int64_t kTokensWithLogits = 1024;

// Tokens in one batch beyond which runs get no faster, only larger and lost when cut short.
enum class PassDirection { forwards, backwards };
std::int64_t enough_tokens(const Device& device, PassDirection direction);

// True where attention forms its scores by blocks of queries. A config knows nothing of learned
// biases and sinks, a model does.
bool forms_scores(const ModelConfig& config);
bool forms_scores(const Model& model);

// Bytes that each of them (kScoresAtOnce, lib/attention/attention.h) takes on its way to the
// pattern.
inline constexpr std::int64_t kBytesOfScore = 12;

// Elements (f32) that one token keeps of one layer when it runs backwards, scores apart: what
// products, norms and rotations keep, and the gradients of the widest of them.
std::int64_t gradient_elements(const ModelConfig& config);

}  // namespace headscope
