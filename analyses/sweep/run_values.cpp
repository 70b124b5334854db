#include "analyses/sweep/run_values.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool holds_keys(Site site) {
  return site == Site::k || site == Site::rot_k || site == Site::v;
}

// The columns of a value that are kept. A copy: a slice would keep the whole alive.
Tensor kept_columns(const Tensor& value, Site site, std::int64_t first_column) {
  const int axis = std::max(info(site).axis(Axis::pos), info(site).axis(Axis::query));
  const std::int64_t first = holds_keys(site) ? 0 : first_column;
  return axis < 0 ? value.clone() : value.narrow(axis, first, value.size(axis) - first).clone();
}

class SiteRecorder final : public Tap {
 public:
  SiteRecorder(const RunOptions& options, std::map<std::pair<Site, std::int64_t>, Tensor>& values)
      : options_(options), values_(values) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    const auto& sites = options_.sites;
    const bool kept = std::find(sites.begin(), sites.end(), point.site) != sites.end();
    return kept ? Interest::observe : Interest::none;
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    values_[{visit.point.site, visit.point.layer}] =
        kept_columns(value, visit.point.site, options_.first_column);
    return value;
  }

 private:
  const RunOptions& options_;
  std::map<std::pair<Site, std::int64_t>, Tensor>& values_;
};

}  // namespace

RunValues::RunValues(const RunSource& from, const Batch& batch, const RunOptions& options) {
  if (from.stored != nullptr) {
    read(from, batch, options);
    return;
  }
  SiteRecorder recorder(options, values_);
  logits_ =
      from.model.forward(batch, recorder, {.logits = Logits::last, .vocab = options.vocab}).logits;
}

void RunValues::read(const RunSource& from, const Batch& batch, const RunOptions& options) {
  const std::vector<std::size_t> prompts = from.stored->prompts_of(batch);
  for (const Site site : options.sites) {
    const int first = info(site).per_block ? 0 : kNoLayer;
    const int end = info(site).per_block ? static_cast<int>(from.model.config().n_layers) : 0;
    for (int layer = first; layer < end; ++layer) {
      const at::Device device =
          to_torch(layer == kNoLayer ? from.model.device() : from.model.device(layer));
      const Tensor value = from.stored->at(hook_name(site, layer), prompts, batch.layout());
      values_[{site, layer}] = kept_columns(value, site, options.first_column).to(device);
    }
  }
}

const Tensor& RunValues::at(Site site, std::int64_t layer) const {
  const auto found = values_.find({site, layer});
  if (found == values_.end()) {
    throw InternalError("{} was not kept", hook_name(site, static_cast<int>(layer)));
  }
  return found->second;
}

Site attention_q_site(const ModelConfig& config) {
  return config.positions == Positions::rotary ? Site::rot_q : Site::q;
}

Site attention_k_site(const ModelConfig& config) {
  return config.positions == Positions::rotary ? Site::rot_k : Site::k;
}

}  // namespace headscope
