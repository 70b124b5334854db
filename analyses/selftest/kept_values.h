// A tap that keeps what it is shown, for checks that compare values of one pass.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "analyses/selftest/self_check.h"
#include "lib/model/tap.h"

namespace headscope {

class KeptValues final : public Tap {
 public:
  explicit KeptValues(std::vector<Site> sites) : sites_(std::move(sites)) {}

  [[nodiscard]] Interest wants(HookPoint point) const override;
  Tensor visit(const Visit& visit, const Tensor& value) override;

  // Undefined if the pass had no such value.
  [[nodiscard]] Tensor at(Site site, int layer = kNoLayer) const;

 private:
  std::vector<Site> sites_;
  std::map<std::string, Tensor> values_;
};

// Of the first prompt alone.
KeptValues kept_values(const SelfCheckInput& input, std::vector<Site> sites);

// The larger of `so_far` and the deviation of `right` from `left`, told as `where`. A value that is
// not finite deviates without bound.
void compare(Deviation& so_far, const Tensor& left, const Tensor& right, const std::string& where);

}  // namespace headscope
