// Feature patching as a request: codes of single features of an autoencoder put from one run into
// the other, a cell a feature.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyses/sae/feature_source.h"
#include "analyses/sweep/sweep_method.h"

namespace headscope {

class SaePatchMethod final : public SweepMethod {
 public:
  [[nodiscard]] std::string kind() const override { return "sae-patch"; }
  RequestFields fields() override;
  void open() override;
  [[nodiscard]] std::string title() const override;
  [[nodiscard]] Json identity() const override;  // once spec() has chosen the features
  SweepSpec spec(const Model& model, const Task& task) override;

 private:
  std::string folder_;
  std::string site_;                   // empty: as the files say
  std::vector<std::string> features_;  // as asked for; empty: those that change most
  std::int64_t most_ = 100;
  std::string over_ = "feature";
  std::string from_ = "clean";
  std::optional<Sae> sae_;
  std::string sae_hash_;  // of its weights
  std::vector<std::int64_t> chosen_;
  std::unique_ptr<const FeatureSource> source_;
};

}  // namespace headscope
