#include "hooks/measured_shapes.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/shape_text.h"

namespace headscope {
namespace {

class ShapeTap final : public Tap {
 public:
  [[nodiscard]] Interest wants(HookPoint) const override { return Interest::observe; }
  Tensor visit(const Visit& visit, const Tensor& value) override {
    shapes.push_back({visit.point, value.sizes().vec()});
    return value;
  }

  std::vector<MeasuredShape> shapes;
};

std::int64_t expected_size(Axis axis, const ModelConfig& config, std::int64_t tokens) {
  return axis == Axis::batch ? 1 : axis_size(axis, config).value_or(tokens);
}

void check_shape(const MeasuredShape& measured, const ModelConfig& config, std::int64_t tokens) {
  std::vector<std::int64_t> expected;
  for (const Axis axis : info(measured.point.site).axes) {
    expected.push_back(expected_size(axis, config, tokens));
  }
  if (measured.shape != expected) {
    throw InternalError("{}: shape {}, but the table of hook points says {}",
                        hook_name(measured.point.site, measured.point.layer),
                        shape_text(measured.shape),
                        shape_text(expected));
  }
}

}  // namespace

std::vector<MeasuredShape> measure_shapes(const Model& model,
                                          const std::vector<std::int32_t>& tokens) {
  ShapeTap tap;
  model.forward(Batch({tokens}), tap, {.logits = Logits::all});
  std::vector<MeasuredShape> ordered;
  for (const HookPoint point : hook_points(model.config())) {
    const auto found = std::find_if(tap.shapes.begin(), tap.shapes.end(), [&](const auto& shape) {
      return shape.point == point;
    });
    if (found == tap.shapes.end()) {
      throw InternalError("{} did not fire", hook_name(point.site, point.layer));
    }
    check_shape(*found, model.config(), static_cast<std::int64_t>(tokens.size()));
    ordered.push_back(*found);
  }
  return ordered;
}

}  // namespace headscope
