#include "analyses/sae/sae_patch_method.h"

#include <charconv>

#include "analyses/sae/feature_changes.h"
#include "hooks/address.h"
#include "lib/base/error.h"
#include "lib/base/error_context.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/mapped_file.h"
#include "lib/sae/sae_files.h"
#include "lib/tensor/convert.h"

namespace headscope {
namespace {

std::int64_t feature_number(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) {
    throw UsageError("--features {}: not a number", text);
  }
  return number;
}

std::string hash_of_sae(const std::string& folder) {
  Hasher hasher;
  for (const std::filesystem::path& file : sae_files_in(folder)) {
    hasher.update(MappedFile(file).bytes());
  }
  return hasher.digest();
}

Sae at_point(const Sae& sae, const std::string& site, const std::string& where) {
  SaeConfig config = sae.config();
  config.hook = site.empty() ? config.hook : site;
  return Sae(config, sae.weights(), where);
}

}  // namespace

RequestFields SaePatchMethod::fields() {
  return {{.name = "sae",
           .place = &folder_,
           .help = "The autoencoder, as headscope sae info takes it",
           .need = RequestField::Need::required,
           .kind = RequestField::Kind::path},
          {.name = "site",
           .place = &site_,
           .help = "Its hook point, where its files name none",
           .shown_default = "as its files say"},
          {.name = "features",
           .place = &features_,
           .help = "The features; without it those whose codes differ most between the runs, "
                   "Σ |f' − f|·‖W_dec row‖ over the tokens"},
          {.name = "most",
           .place = &most_,
           .help = "So many of those",
           .least = 1,
           .most = 1 << 20,
           .excludes = "features"},
          {.name = "over",
           .place = &over_,
           .help = "What cells are told apart by",
           .choices = {"feature", "feature,pos"}},
          {.name = "from",
           .place = &from_,
           .help = "The run codes come from; the other one is changed",
           .choices = run_names()}};
}

void SaePatchMethod::open() {
  chosen_.clear();
  for (const std::string& feature : features_) {
    chosen_.push_back(feature_number(feature));
  }
  sae_ = at_point(read_sae(folder_), site_, folder_);
  sae_hash_ = hash_of_sae(folder_);
  with_context("--features", [&] { check_features(chosen_, *sae_); });
}

std::string SaePatchMethod::title() const {
  return fmt::format("features of {} of the {} run ← {}",
                     sae_->config().hook,
                     to_string(other_run(parse_run(from_))),
                     from_);
}

Json SaePatchMethod::identity() const {
  return {{"sae", sae_hash_},
          {"site", sae_->config().hook},
          {"features", chosen_},
          {"from", from_},
          {"into", to_string(other_run(parse_run(from_)))}};
}

SweepSpec SaePatchMethod::spec(const Model& model, const Task& task) {
  const FeaturePoint point = feature_point(*sae_, model.config());
  const Sae sae = sae_->to(to_torch(model.device()), at::kFloat);
  const Run from = parse_run(from_);
  if (chosen_.empty()) {
    chosen_ = most_changed(feature_changes(sae, model, task, {.into = other_run(from)}), most_);
  }
  source_ = std::make_unique<FeatureSource>(
      sae, FeatureSource::What{.act = FeatureAct::patch, .from = from, .features = chosen_});
  request.plain = request.plain || !point.has_shortcut;
  return {.parts = {{point.site, false}},
          .layer = point.layer,
          .over_positions = over_ == "feature,pos",
          .positions = {request.positions},
          .into = other_run(from),
          .source = source_.get(),
          .metric = &find_metric(request.metric)};
}

}  // namespace headscope
