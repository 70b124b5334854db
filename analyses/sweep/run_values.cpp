#include "analyses/sweep/run_values.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool holds_keys(Site site) {
  return site == Site::k || site == Site::rot_k || site == Site::v;
}

class Keeper final : public Tap {
 public:
  Keeper(const RunOptions& options, std::map<std::pair<Site, std::int64_t>, Tensor>& values)
      : options_(options), values_(values) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    const auto& sites = options_.sites;
    const bool kept = std::find(sites.begin(), sites.end(), point.site) != sites.end();
    return kept ? Interest::observe : Interest::none;
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    const SiteInfo& site = info(visit.point.site);
    const int axis = std::max(site.axis(Axis::pos), site.axis(Axis::query));
    const std::int64_t first = holds_keys(visit.point.site) ? 0 : options_.first_column;
    // A copy: a slice would keep the whole alive.
    values_[{visit.point.site, visit.point.layer}] =
        axis < 0 ? value.clone() : value.narrow(axis, first, value.size(axis) - first).clone();
    return value;
  }

 private:
  const RunOptions& options_;
  std::map<std::pair<Site, std::int64_t>, Tensor>& values_;
};

}  // namespace

RunValues::RunValues(const Model& model, const Batch& batch, const RunOptions& options) {
  Keeper keeper(options, values_);
  logits_ = model.forward(batch, keeper, {.logits = Logits::last, .vocab = options.vocab}).logits;
}

const Tensor& RunValues::at(Site site, std::int64_t layer) const {
  const auto found = values_.find({site, layer});
  if (found == values_.end()) {
    throw InternalError("{} was not kept", hook_name(site, static_cast<int>(layer)));
  }
  return found->second;
}

Site placed_queries(const ModelConfig& config) {
  return config.positions == Positions::rotary ? Site::rot_q : Site::q;
}

Site placed_keys(const ModelConfig& config) {
  return config.positions == Positions::rotary ? Site::rot_k : Site::k;
}

}  // namespace headscope
