// Hands gradients to a trace, prompt by prompt.
#pragma once

#include <algorithm>
#include <vector>

#include "hooks/joined.h"
#include "hooks/trace_tap.h"
#include "lib/model/gradients.h"

namespace headscope {

class GradientTraceTap final : public GradientTap {
 public:
  // `rows`: the prompts (indices into the trace) of the rows of the pass.
  GradientTraceTap(TraceTap& to,
                   const std::vector<HookPoint>& points,
                   const std::vector<std::size_t>& rows)
      : to_(to), points_(points), rows_(rows) {}

  [[nodiscard]] bool wants(HookPoint point) const override {
    return std::find(points_.begin(), points_.end(), point) != points_.end();
  }
  void visit(const Visit& visit, const Tensor&, const Tensor& gradient) override {
    const Tensor here = gradient.cpu();
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      to_.write(
          rows_[row],
          gradient_name(visit.point),
          one_prompt(
              here, visit.point.site, static_cast<std::int64_t>(row), visit.layout.pads[row]));
    }
  }

 private:
  TraceTap& to_;
  const std::vector<HookPoint>& points_;
  const std::vector<std::size_t>& rows_;
};

}  // namespace headscope
