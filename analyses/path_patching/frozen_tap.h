// Attention outputs (and MLP outputs) of another run, brought instead of computed.
#pragma once

#include "analyses/sweep/run_values.h"
#include "lib/model/tap.h"

namespace headscope {

class FrozenTap final : public Tap {
 public:
  struct From {
    const RunValues& run;  // kept hook_attn_out, and hook_mlp_out if MLPs are frozen
    std::int64_t kept_from = 0;
    std::int64_t first = 0;  // the first column of the pass
    Tensor row;              // [R]: the row of the run each row of the pass has
  };
  enum class Mlps { run, frozen };
  FrozenTap(const From& from, Mlps mlps) : from_(from), mlps_(mlps) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    const bool frozen =
        point.site == Site::attn_out || (point.site == Site::mlp_out && mlps_ == Mlps::frozen);
    return frozen ? Interest::supply : Interest::none;
  }

  Tensor visit(const Visit& visit, const Tensor&) override {
    const Tensor& kept = from_.run.at(visit.point.site, visit.point.layer);
    return kept.narrow(1, from_.first - from_.kept_from, visit.layout.columns)
        .index_select(0, from_.row);
  }

 private:
  const From& from_;
  Mlps mlps_;
};

}  // namespace headscope
