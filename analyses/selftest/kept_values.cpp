#include "analyses/selftest/kept_values.h"

#include <algorithm>
#include <limits>

#include "lib/tensor/ops.h"

namespace headscope {

Interest KeptValues::wants(HookPoint point) const {
  return std::find(sites_.begin(), sites_.end(), point.site) == sites_.end() ? Interest::none
                                                                             : Interest::observe;
}

Tensor KeptValues::visit(const Visit& visit, const Tensor& value) {
  values_[visit.name()] = value.clone();
  return value;
}

Tensor KeptValues::at(Site site, int layer) const {
  const auto found = values_.find(hook_name(site, layer));
  return found == values_.end() ? Tensor() : found->second;
}

KeptValues kept_values(const SelfCheckInput& input, std::vector<Site> sites) {
  KeptValues kept(std::move(sites));
  (void)input.model.forward(Batch({input.prompts.front()}), kept, {.logits = Logits::none});
  return kept;
}

void compare(Deviation& so_far, const Tensor& left, const Tensor& right, const std::string& where) {
  const Tensor a = left.to(at::kFloat);
  const Tensor b = right.to(at::kFloat);
  const double apart = (a - b).abs().max().item<double>();
  const double size = a.abs().max().item<double>();
  double share = apart == 0.0 ? 0.0 : apart / size;
  if (!(share < std::numeric_limits<double>::infinity())) {
    share = std::numeric_limits<double>::infinity();
  }
  if (share > so_far.value || so_far.where.empty()) {
    so_far = {share, where};
  }
}

}  // namespace headscope
