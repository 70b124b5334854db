#include "analyses/edges/relevance_rules.h"

#include <memory>
#include <utility>

#include "analyses/edges/pass_change.h"
#include "lib/base/error.h"
#include "lib/kernels/kernels.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// What a rule holds constant is taken out of the graph of gradients. The output of an activation
// keeps its value and gets the derivative that the rule asks for. So no value of the pass changes.
class RelevanceTap final : public Tap {
 public:
  [[nodiscard]] Interest wants(HookPoint point) const override {
    switch (point.site) {
      case Site::ln1_scale:
      case Site::ln1_post_scale:
      case Site::ln2_scale:
      case Site::ln2_post_scale:
      case Site::ln_final_scale:
      case Site::q:
      case Site::k:
      case Site::mlp_pre:
      case Site::mlp_pre_linear:
      case Site::mlp_post:
        return Interest::edit;
      default:
        return Interest::none;
    }
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    switch (visit.point.site) {
      case Site::mlp_pre:
        pre_ = value;
        return value;
      case Site::mlp_pre_linear:
        linear_ = value;
        return value;
      case Site::mlp_post:
        return value.requires_grad() ? behind_activation(visit.config, value) : value;
      default:
        return value.detach();
    }
  }

 private:
  Tensor behind_activation(const ModelConfig& config, const Tensor& post) {
    const Tensor pre = std::exchange(pre_, {});
    const Tensor linear = std::exchange(linear_, {});
    const Tensor x = pre.detach();
    const Tensor active = kernels::activate(x, config.activation);
    const Tensor quotient = at::where(x == 0, at::zeros_like(x), active / x);
    const Tensor by_x = (pre - x) * quotient;  // zero, with the derivative f(x)/x
    if (config.mlp != Mlp::gated) {
      return post.detach() + by_x;
    }
    const Tensor y = linear.detach();
    return post.detach() + 0.5 * (by_x * y + (linear - y) * active);
  }

  Tensor pre_, linear_;  // of the layer in hand
};

}  // namespace

Model with_relevance_rules(const Model& model) {
  if (model.config().experts.count > 0) {
    throw UsageError(
        "relevance rules are not defined for a mixture of experts (the choice of experts and their "
        "weights have none); use gradients");
  }
  return changed_by(model, [] { return std::make_unique<RelevanceTap>(); });
}

}  // namespace headscope
