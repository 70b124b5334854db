// Codes of single features as what a sweep changes: each ablated, or taken from the other run.
#pragma once

#include <cstdint>
#include <vector>

#include "analyses/sweep/value_source.h"
#include "lib/model/model.h"
#include "lib/sae/sae.h"

namespace headscope {

enum class FeatureAct {
  ablate,  // its code becomes 0 at every token
  patch    // it becomes that of the other run at the same token
};

// A cell a feature: the axis "feature" of the result. What the autoencoder does not explain stays
// as in the run that is changed, and so does, bit for bit, a token at which the code does not
// change.
class FeatureSource final : public ValueSource {
 public:
  struct What {
    FeatureAct act = FeatureAct::patch;
    Run from = Run::clean;                 // of patch: the run that codes are taken of
    std::vector<std::int64_t> features{};  // of the autoencoder; at least one
  };
  // `sae` lies on the model's device, in f32.
  FeatureSource(Sae sae, What what) : sae_(std::move(sae)), what_(std::move(what)) {}

  [[nodiscard]] Variants variants() const override;
  [[nodiscard]] std::vector<Site> sites(Run run, const std::vector<Site>& forms) const override;
  [[nodiscard]] Replacement of_batch(const BatchRuns& runs) const override;  // all of them at once
  [[nodiscard]] std::vector<Replacement> by_variant(const BatchRuns& runs) const override;
  [[nodiscard]] bool same_before_difference() const override {
    return what_.act == FeatureAct::patch;
  }

 private:
  struct Changed;
  // Of the run's value at the site and, of patch, the other's.
  [[nodiscard]] Changed changed_of(const BatchRuns& runs,
                                   Site site,
                                   std::int64_t layer,
                                   const Tensor& original) const;

  Sae sae_;
  What what_;
};

// Where an autoencoder lies, as a sweep names it.
struct FeaturePoint {
  Site site = Site::z;
  std::int64_t layer = 0;
  // Whether the sweep's shortcuts know the site; else it runs whole passes, one a cell and batch.
  bool has_shortcut = true;
};

// Throws UsageError for a transcoder, and for an autoencoder of a hook point that the model lacks,
// that no layer has, or that is of another width.
FeaturePoint feature_point(const Sae& sae, const ModelConfig& config);

}  // namespace headscope
