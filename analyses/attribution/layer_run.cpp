#include "analyses/attribution/layer_run.h"

namespace headscope {
namespace {

class LayerTap final : public Tap {
 public:
  LayerTap(int layer, Site watched, Site replaced, Tensor value)
      : watched_{watched, layer}, replaced_{replaced, layer}, value_(std::move(value)) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    if (value_.defined() && point == replaced_) {
      return Interest::edit;
    }
    return point == watched_ ? Interest::observe : Interest::none;
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    if (visit.point == watched_) {
      seen = value;
      return value;
    }
    return value_;
  }

  Tensor seen;

 private:
  HookPoint watched_;
  HookPoint replaced_;
  Tensor value_;
};

Tensor run_with(const LayerRun& run, LayerTap& tap) {
  const Resume from{run.layout, run.stream, run.layer};
  run.model.resume(from, tap, {.logits = Logits::none, .to_layer = run.layer + 1});
  return tap.seen;
}

}  // namespace

Tensor watched(const LayerRun& run, Site site) {
  LayerTap tap(run.layer, site, site, {});
  return run_with(run, tap);
}

Tensor watched(const LayerRun& run, Site site, Site replaced, const Tensor& value) {
  LayerTap tap(run.layer, site, replaced, value);
  return run_with(run, tap);
}

}  // namespace headscope
