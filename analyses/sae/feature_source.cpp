#include "analyses/sae/feature_source.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "analyses/sae/sae_eval.h"
#include "hooks/address.h"
#include "hooks/sae_edit.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {

// What is formed once a batch.
struct FeatureSource::Changed {
  EncodedValue before;
  Tensor change;  // f' − f, [rows, features]
};

FeatureSource::Changed FeatureSource::changed_of(const BatchRuns& runs,
                                                 Site site,
                                                 std::int64_t layer,
                                                 const Tensor& original) const {
  const EncodedValue before = encoded_value(sae_, original);
  const Tensor features = index_tensor(what_.features, original.device());
  const Tensor codes = codes_at(before.codes, features);
  if (what_.act == FeatureAct::ablate) {
    return {before, codes.neg()};
  }
  const EncodedValue other = encoded_value(sae_, runs.of(what_.from).at(site, layer));
  return {before, codes_at(other.codes, features) - codes};
}

ValueSource::Variants FeatureSource::variants() const {
  Variants variants{.axis = "feature", .labels = {}};
  for (const std::int64_t feature : what_.features) {
    variants.labels.push_back(std::to_string(feature));
  }
  return variants;
}

std::vector<Site> FeatureSource::sites(Run run, const std::vector<Site>& forms) const {
  return what_.act == FeatureAct::patch && run == what_.from ? forms : std::vector<Site>{};
}

Replacement FeatureSource::of_batch(const BatchRuns& runs) const {
  return [this, &runs](Site site, std::int64_t layer, const Tensor& original) {
    const Changed changed = changed_of(runs, site, layer, original);
    return with_codes_changed(
        sae_, changed.before, index_tensor(what_.features, original.device()), changed.change);
  };
}

std::vector<Replacement> FeatureSource::by_variant(const BatchRuns& runs) const {
  const auto formed = std::make_shared<std::optional<Changed>>();
  std::vector<Replacement> all;
  for (std::int64_t i = 0; i < std::ssize(what_.features); ++i) {
    all.emplace_back(
        [this, &runs, formed, i](Site site, std::int64_t layer, const Tensor& original) {
          if (!*formed) {
            *formed = changed_of(runs, site, layer, original);
          }
          const std::int64_t feature = what_.features[static_cast<std::size_t>(i)];
          return with_codes_changed(sae_,
                                    (*formed)->before,
                                    index_tensor({feature}, original.device()),
                                    (*formed)->change.narrow(1, i, 1));
        });
  }
  return all;
}

FeaturePoint feature_point(const Sae& sae, const ModelConfig& config) {
  if (sae.config().is_transcoder()) {
    throw UsageError("a transcoder reads one hook point and writes another; give an autoencoder");
  }
  const HookPoint point = point_of_sae(sae, config);
  if (point.layer < 0) {
    throw UsageError("{}: features are swept at hook points of layers",
                     hook_name(point.site, point.layer));
  }
  // Queries, keys and values are swept in the form in which attention compares them, which an
  // autoencoder does not know.
  constexpr Site kShortcuts[] = {
      Site::resid_pre, Site::resid_mid, Site::resid_post, Site::attn_out, Site::mlp_out, Site::z};
  return {
      point.site,
      point.layer,
      std::find(std::begin(kShortcuts), std::end(kShortcuts), point.site) != std::end(kShortcuts)};
}

}  // namespace headscope
