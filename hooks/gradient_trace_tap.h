// Hands gradients to a trace, of the prompts that the trace tap was last told of.
#pragma once

#include <algorithm>
#include <vector>

#include "hooks/trace_tap.h"
#include "lib/model/gradients.h"

namespace headscope {

class GradientTraceTap final : public GradientTap {
 public:
  GradientTraceTap(TraceTap& to, const std::vector<HookPoint>& points) : to_(to), points_(points) {}

  [[nodiscard]] bool wants(HookPoint point) const override {
    return std::find(points_.begin(), points_.end(), point) != points_.end();
  }
  void visit(const Visit& visit, const Tensor&, const Tensor& gradient) override {
    to_.write(gradient_name(visit.point), visit, gradient);
  }

 private:
  TraceTap& to_;
  const std::vector<HookPoint>& points_;
};

}  // namespace headscope
