// Norms between what a layer writes and what the next one reads. That between what a layer's
// attention writes and the residual stream (Gemma 2, 3, OLMo 2): where a model has none,
// attention's output enters the stream as it is.
#pragma once

#include "lib/model/model.h"

namespace headscope {

// Null where there is none.
const NormWeights* post_attention_norm(const Model& model, std::int64_t layer);

// `written` […, d_model], the sum of the heads' outputs (hook_attn_raw_out), as it enters the
// stream (hook_attn_out); in f32 where there is a norm.
Tensor after_attention_norm(const Model& model, std::int64_t layer, const Tensor& written);

// `written` times the norm's gain: what enters the stream but for the divisor, which depends on
// what all heads write. What a single head writes is compared by it.
Tensor with_attention_gain(const Model& model, std::int64_t layer, const Tensor& written);

// `sum` […, d_model] of the stream and what attention wrote, as the rest of the block has it:
// through ln1 where a model normalises the stream itself (NormPlacement::after_sum), else as it is.
Tensor stream_after_attention(const Model& model, std::int64_t layer, const Tensor& sum);

// hook_resid_post […, d_model] as the next block reads it: through ln2 where a model normalises the
// stream itself (NormPlacement::after_sum), else as it is.
Tensor entering_next_block(const Model& model, std::int64_t layer, const Tensor& resid_post);

}  // namespace headscope
