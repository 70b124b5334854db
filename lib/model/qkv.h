// From the residual stream to queries, keys and values, with every place on the way where a single
// head's view may be edited.
#pragma once

#include <optional>

#include "lib/base/node.h"
#include "lib/model/attention_builder.h"
#include "lib/model/pass.h"

namespace headscope {

// Cut to ±clip_qkv where the model does so; before QK-norm and rotation. Editing ln1 and a per-head
// input (attn_in, q_input, …) of one layer at once is a UsageError: the per-head inputs are
// normalised each on their own.
Qkv project_qkv(Pass& pass, int layer, const Tensor& resid);

// QK-norm and rotation: from what heads asked or offered to what attention compares [B, T, heads,
// d_head]. Values are what they are. `projected` holds `heads` of the part: all of them where one
// norm spans them. `table` is null where nothing rotates.
Tensor normed_and_rotated(const ModelConfig& config,
                          const BlockWeights& block,
                          HeadInput part,
                          HeadRange heads,
                          const Tensor& projected,
                          const RotaryTable* table);

// kept: as the model has them. dropped: the matrices and the gains of norms alone, which is the
// circuit the papers write as W_E W_V W_O W_U.
enum class Biases { kept, dropped };

// What some heads of a layer read from a stream that is not the layer's own.
struct HeadReading {
  std::int64_t layer = 0;
  HeadInput part = HeadInput::q;
  HeadRange heads{};  // query heads, or KV heads of k and v
  Biases biases = Biases::kept;
  std::optional<DType> dtype{};  // of the products; unset: the model's
};

// Cut to ±clip_qkv where the model does so; `projected` itself elsewhere.
Tensor clipped(const ModelConfig& config, const Tensor& projected);

// Throws UsageError naming the norm if `part` of fewer than all heads is not defined without the
// others' (QkNorm::whole).
void require_heads_apart(const ModelConfig& config, HeadInput part);

// Normalised by ln1, projected, with QK-norm: queries and keys before rotation, values as attention
// takes them. `stream` […, d_model] enters the layer. Returns […, heads, d_head] in the dtype of
// the products.
Tensor project_heads(const Model& model, const HeadReading& reading, const Tensor& stream);

// The same as attention compares it, queries and keys rotated. `stream` [B, T, d_model]; `layout`
// says where its columns lie. Returns [B, T, heads, d_head].
Tensor read_heads(const Model& model,
                  const HeadReading& reading,
                  const Tensor& stream,
                  const BatchLayout& layout);

}  // namespace headscope
