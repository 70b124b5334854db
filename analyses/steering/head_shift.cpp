#include "analyses/steering/head_shift.h"

#include <array>
#include <cmath>

#include "lib/base/json.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor of_layer(const Tensor& all, const Visit& visit, const Tensor& value) {
  return all[visit.point.layer].to(value.options());  // [n_heads, d_head]
}

class ShiftTap final : public Tap {
 public:
  explicit ShiftTap(std::shared_ptr<const HeadShift> shift) : shift_(std::move(shift)) {}
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::z ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override {
    return value * (of_layer(shift_->scale, visit, value) + 1.0) +
           of_layer(shift_->offset, visit, value);
  }

 private:
  std::shared_ptr<const HeadShift> shift_;
};

class ShiftChange final : public StandingChange {
 public:
  explicit ShiftChange(std::shared_ptr<const HeadShift> shift) : shift_(std::move(shift)) {}
  [[nodiscard]] std::unique_ptr<Tap> tap() const override {
    return std::make_unique<ShiftTap>(shift_);
  }
  [[nodiscard]] std::string hash() const override { return "under training"; }
  [[nodiscard]] Json description() const override { return "under training"; }
  [[nodiscard]] std::vector<Fired> fired() const override { return {}; }
  void add_fired(const std::vector<std::int64_t>&) const override {}
  void check_fired() const override {}

 private:
  std::shared_ptr<const HeadShift> shift_;
};

}  // namespace

Model shifted(const Model& model, std::shared_ptr<const HeadShift> shift) {
  return model.with(std::make_shared<const ShiftChange>(std::move(shift)));
}

HeadShiftGradients::HeadShiftGradients(const HeadShift& shift)
    : sums{at::zeros_like(shift.scale), at::zeros_like(shift.offset)}, shift_(shift) {}

void HeadShiftGradients::visit(const Visit& visit, const Tensor& value, const Tensor& gradient) {
  const Tensor slope = gradient.to(at::kFloat);
  // The value is the shifted one.
  const Tensor z = (value.to(at::kFloat) - shift_.offset[visit.point.layer].to(value.device())) /
                   (shift_.scale[visit.point.layer].to(value.device()) + 1.0);
  const std::array<std::int64_t, 2> positions{0, 1};
  sums.scale[visit.point.layer].add_((slope * z).sum(positions).cpu());
  sums.offset[visit.point.layer].add_(slope.sum(positions).cpu());
}

}  // namespace headscope
