#include "lib/model/pass.h"

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/model/batch_plan.h"
#include "lib/model/norm.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {

Pass::Pass(const Model& model,
           const BatchLayout& batch_layout,
           Tap& tap,
           KvCache* kv_cache,
           const KvPrefix* kv_prefix)
    : config(model.config()),
      weights(model.weights()),
      layout(batch_layout),
      cache(kv_cache),
      prefix(kv_prefix),
      attention(model, batch_layout),
      device(to_torch(model.device())),
      dtype(to_torch(model.dtype())),
      tap_(tap),
      model_(model) {}

Pass::Pass(const Pass& other, Tap& tap)
    : config(other.config),
      weights(other.weights),
      layout(other.layout),
      cache(other.cache),
      prefix(other.prefix),
      attention(other.attention),
      device(other.device),
      dtype(other.dtype),
      tap_(tap),
      model_(other.model_),
      placed_(other.placed_),
      position_ids_(other.position_ids_),
      pads_(other.pads_),
      rotary_(other.rotary_) {}

Pass Pass::with(Tap& tap) const {
  return {*this, tap};
}

Tensor Pass::see(Site site, int layer, const Tensor& value) {
  const HookPoint point{site, layer};
  if (tap_.wants(point) == Interest::none) {
    return value;
  }
  const Visit visit{point, layout, config};
  Tensor seen = tap_.visit(visit, value);
  if (!seen.sizes().equals(value.sizes())) {
    throw UsageError("{}: an edit returned {} where the value is {}",
                     visit.name(),
                     fmt::join(seen.sizes(), "×"),
                     fmt::join(value.sizes(), "×"));
  }
  if (seen.scalar_type() != value.scalar_type() || seen.device() != value.device()) {
    throw UsageError("{}: an edit returned {} on {} where the value is {} on {}",
                     visit.name(),
                     c10::toString(seen.scalar_type()),
                     seen.device().str(),
                     c10::toString(value.scalar_type()),
                     value.device().str());
  }
  return seen;
}

Tensor Pass::supplied(Site site, int layer) {
  if (tap_.wants({site, layer}) != Interest::supply) {
    return {};
  }
  if (cache != nullptr) {
    throw UsageError("{}: supplied, so its layer would leave nothing in the KV cache",
                     hook_name(site, layer));
  }
  const Visit visit{{site, layer}, layout, config};
  Tensor value = tap_.visit(visit, {});
  const std::vector<std::int64_t> shape{layout.rows, layout.columns, config.d_model};
  if (!value.defined() || !value.sizes().equals(shape) || value.scalar_type() != at::kFloat ||
      value.device() != device_of(layer)) {
    throw UsageError("{}: what is supplied is not {}×{}×{} in f32 on {}",
                     visit.name(),
                     shape[0],
                     shape[1],
                     shape[2],
                     device_of(layer).str());
  }
  return value;
}

void Pass::place(const PlacedTokens& at) {
  placed_ = &at;
  attention.place(at, cache->room());
  pads_[device.index()] = at.pads;
  position_ids_[device.index()] = (at.column - at.pads).unsqueeze(1);
}

at::Device Pass::device_of(int layer) const {
  return layer == kNoLayer ? device : to_torch(model_.device(layer));
}

const Tensor& Pass::position_ids(int layer) {
  const at::Device there = device_of(layer);
  Tensor& ids = position_ids_[there.index()];
  if (!ids.defined()) {
    const Tensor whole = layout.position_ids();
    ids = (layout.padded() ? whole : whole.narrow(0, 0, 1)).to(there);
  }
  return ids;
}

const Tensor& Pass::pads(int layer) {
  const at::Device there = device_of(layer);
  Tensor& pads = pads_[there.index()];
  if (!pads.defined()) {
    pads = index_tensor(layout.pads, there);
  }
  return pads;
}

namespace {

// Kept keys were turned for the sequence as long as it was then; one that has grown so that it
// turns otherwise would compare them with other angles.
void check_stretching(const RotaryAngles& angles, const BatchLayout& layout, const KvCache* cache) {
  for (std::int64_t row = 0; cache != nullptr && row < layout.rows; ++row) {
    const std::int64_t pad = layout.pads[static_cast<std::size_t>(row)];
    const std::int64_t whole = angles.regime(layout.length(row));
    const std::int64_t before = layout.past - pad;
    const bool began_otherwise = before > 0 && angles.regime(before) != whole;
    if (began_otherwise || angles.regime(layout.keys() - pad) != whole) {
      throw UsageError(
          "this model turns sequences of more than {} tokens otherwise than shorter ones, so one "
          "that has kept keys cannot grow beyond that: run it whole, without a KV cache or chunks",
          angles.rope().scaling.original_context);
    }
  }
}

}  // namespace

const RotaryTable& Pass::rotary_of(int layer) {
  const int rope = config.layers[static_cast<std::size_t>(layer)].rope;
  const std::pair key{rope, static_cast<int>(device_of(layer).index())};
  const auto found = rotary_.find(key);
  if (found != rotary_.end()) {
    return found->second;
  }
  const RotaryAngles& angles = model_.rotary_angles().at(static_cast<std::size_t>(rope));
  if (angles.depends_on_length()) {
    check_stretching(angles, layout, cache);
  }
  const RotaryTable table = rotary_table(angles, position_ids(layer), lengths_of(layout));
  return rotary_.emplace(key, table).first->second;
}

namespace {

Tensor normed(Pass& pass,
              NormSites sites,
              int layer,
              const NormWeights& weights,
              const Tensor& x,
              at::ScalarType dtype) {
  const Norm norm = pass.config.norm;
  const double eps = pass.config.norm_eps;
  if (norm == Norm::none) {
    return x.to(dtype);
  }
  const bool edited = pass.edited(sites.scale, layer) || pass.edited(sites.normalized, layer);
  if (edited || pass.wanted(sites.scale, layer) || pass.wanted(sites.normalized, layer)) {
    const NormParts parts = norm_parts(x, norm, eps);
    const Tensor scale = pass.see(sites.scale, layer, parts.scale);
    const Tensor normalized = pass.see(sites.normalized, layer, parts.centred / scale);
    if (edited) {
      return apply_gain(normalized, weights, dtype);
    }
  }
  return normalize(x, weights, norm, eps).to(dtype);
}

}  // namespace

Tensor run_norm(
    Pass& pass, NormSites sites, int layer, const NormWeights& weights, const Tensor& x) {
  return normed(pass, sites, layer, weights, x, pass.dtype);
}

Tensor run_norm_before(
    Pass& pass, NormSites sites, int layer, const NormWeights& weights, const Tensor& x) {
  return norm_before(pass.config) == Norm::none ? x.to(pass.dtype)
                                                : run_norm(pass, sites, layer, weights, x);
}

Tensor run_stream_norm(
    Pass& pass, NormSites sites, int layer, const NormWeights& weights, const Tensor& x) {
  return normed(pass, sites, layer, weights, x, at::kFloat);
}

Tensor run_post_norm(
    Pass& pass, NormSites sites, int layer, const NormWeights& weights, const Tensor& written) {
  return has_post_norm(pass.config) ? run_norm(pass, sites, layer, weights, written) : written;
}

}  // namespace headscope
