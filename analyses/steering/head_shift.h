// Every head's z scaled and shifted, as numbers that are trained: z ← (1 + A) ⊙ z + v.
#pragma once

#include <memory>

#include "lib/model/gradients.h"
#include "lib/model/standing_change.h"

namespace headscope {

struct HeadShift {
  Tensor scale;   // A, [n_layers, n_heads, d_head] f32
  Tensor offset;  // v, likewise
};

// The model with the shift of all its heads, at every position. The tensors are read at each pass.
Model shifted(const Model& model, std::shared_ptr<const HeadShift> shift);

// Adds up the gradients of an objective with respect to A and v over the passes it watches.
class HeadShiftGradients final : public GradientTap {
 public:
  explicit HeadShiftGradients(const HeadShift& shift);
  [[nodiscard]] bool wants(HookPoint point) const override { return point.site == Site::z; }
  void visit(const Visit& visit, const Tensor& value, const Tensor& gradient) override;

  HeadShift sums;

 private:
  const HeadShift& shift_;
};

}  // namespace headscope
