// The gradient of a number with respect to any value of the forward pass: the `_grad` points.
#pragma once

#include <functional>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

// Rows of logits [B, V] f32 of the last column, or [B, T, V] where all are asked for → one number a
// row [B], by Torch operators.
using Objective = std::function<Tensor(const Tensor& logits)>;

class GradientTap {
 public:
  virtual ~GradientTap() = default;
  [[nodiscard]] virtual bool wants(HookPoint point) const = 0;

  // `value` and `gradient`, ∂(the row's number)/∂value, have the axes info(site).axes says. Layers
  // come from the last to the first, the points of one layer in forward order.
  virtual void visit(const Visit& visit, const Tensor& value, const Tensor& gradient) = 0;
};

// "blocks.3.attn.hook_z_grad"
std::string gradient_name(HookPoint point);

struct GradientResult {
  Tensor logits;     // as the objective saw them
  Tensor objective;  // [B]
};

// Forwards, then backwards a layer at a time: each layer runs again from the stream that entered
// it, so that memory holds the streams and the intermediate values of one layer (Chen et al. 2016,
// arXiv:1604.06174). `vocab`: the tokens of the logits, in order; empty: all. Attention runs its
// explicit form only in layers whose scores or pattern are wanted. `logits`: of the last column or
// of all.
//
// A point that the model lacks is never visited. Throws UsageError for token numbers, for an
// objective that is not one number a row, and as Model::forward does.
GradientResult gradients(const Model& model,
                         const Batch& batch,
                         const Objective& objective,
                         GradientTap& tap,
                         const std::vector<std::int64_t>& vocab = {},
                         Logits logits = Logits::last);

// The same from streams entering a layer: the points before it are not reached.
GradientResult gradients(const Model& model,
                         const Resume& from,
                         const Objective& objective,
                         GradientTap& tap,
                         const std::vector<std::int64_t>& vocab = {});

// The residual stream entering each layer from `from.layer` on, and the one behind the last:
// n_layers − from.layer + 1 of [B, T, d_model]. Throws UsageError for Resume::At::mid.
std::vector<Tensor> residual_streams(const Model& model, const Resume& from);

}  // namespace headscope
