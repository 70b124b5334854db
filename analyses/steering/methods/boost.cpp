#include <algorithm>

#include <fmt/ranges.h>

#include "analyses/head_detectors/atlas.h"
#include "analyses/steering/applied.h"
#include "analyses/steering/methods.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

constexpr std::size_t kBoosted = 10;
constexpr double kBoost = 1.5;

const Detection& role_of(const Atlas& atlas, const std::string& path, const SteerRequest& request) {
  std::vector<std::string> names;
  for (const Detection& detection : atlas.detections) {
    names.emplace_back(detection.detector.name);
  }
  const std::string wanted = request.settings.detector.value_or("");
  const Detection* found = atlas.find(wanted);
  if (found == nullptr || !found->ran()) {
    throw UsageError("{}: --detector {}: it has scores of {}{}",
                     path,
                     wanted.empty() ? "is missing" : wanted,
                     fmt::join(names, ", "),
                     did_you_mean(wanted, names));
  }
  return *found;
}

Steering fit_boost(const SteerRequest& request) {
  const Model& model = request.model;
  if (!request.settings.atlas) {
    throw UsageError("boost needs --atlas FILE, which headscope detect MODEL -o FILE makes");
  }
  const std::string& path = *request.settings.atlas;
  const Atlas atlas = read_atlas(path);
  if (atlas.provenance.value("weights_hash", "") != model.source().weights_hash) {
    throw DataError("{}: of another model; detect its heads with this one", path);
  }
  const Detection& role = role_of(atlas, path, request);
  const auto count = request.settings.top ? static_cast<std::size_t>(*request.settings.top)
                                          : std::min(kBoosted, role.with_role().size());
  const std::vector<HeadId> heads = role.top(count);
  if (heads.empty()) {
    throw UsageError("{}: no head has the role {}; --top K takes the K of the highest scores",
                     path,
                     *request.settings.detector);
  }
  const double factor = request.settings.alpha.value_or(kBoost);
  Steering out{.direction = direction_of(model, "boost", Op::scale),
               .edits = at_heads(heads, Op::scale, factor)};
  out.chosen["detector"] = *request.settings.detector;
  out.chosen["heads"] = OrderedJson::array();
  for (const HeadId& head : heads) {
    out.chosen["heads"].push_back(
        {{"head", to_string(head)}, {"detector_score", role.score[head]}});
  }
  return out;
}

}  // namespace

SteerMethod boost_method() {
  return {.name = "boost",
          .summary = "Heads of a role turned up, as an atlas lists them",
          .definition =
              "alpha · z (default 1.5) of the heads that have the role --detector in "
              "--atlas, at most 10, or of the --top of the highest scores",
          .source = "headscope; roles: headscope detect",
          .reads = {"atlas", "detector", "top", "alpha"},
          .fit = fit_boost};
}

}  // namespace headscope
