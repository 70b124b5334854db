#include "analyses/head_detectors/published.h"

#include <algorithm>

#include "analyses/head_detectors/atlas_run.h"
#include "analyses/head_detectors/confirm.h"

namespace headscope {

bool is_published_model(const PublishedNumber& number, const ModelConfig& config) {
  return !number.family.empty() && config.family == number.family &&
         config.n_layers == number.n_layers && config.n_heads == number.n_heads &&
         config.d_model == number.d_model;
}

const HeadReproduction* find_head_reproduction(const std::string& name) {
  const auto all = all_head_reproductions();
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const HeadReproduction& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

HeadResult reproduce_heads(const Model& model,
                           const HeadReproduction& what,
                           const HeadRunOptions& options) {
  HeadResult result;
  result.what = &what;
  result.atlas = new_atlas(model, {});
  const auto stopped = [&] {
    result.stopped = options.stop && options.stop();
    return result.stopped;
  };
  DetectOptions detect_options{.detectors = {}, .seeds = options.seeds, .stop = options.stop};
  detect_options.progress = options.progress;
  for (const std::string& name : what.detectors) {
    detect_options.detectors.push_back(find_detector(name));
  }
  result.atlas.detections = detect(model, detect_options);
  ConfirmOptions confirm_options{.heads = options.confirm_heads, .draws = options.draws};
  confirm_options.stop = options.stop;
  const bool confirmed = confirm_roles(model, result.atlas, confirm_options);
  if (stopped() || !confirmed) {
    return result;
  }
  result.measured = what.measure(model, result.atlas, options);
  if (what.more && !stopped()) {
    result.tables = what.more(model, result.atlas, options);
  }
  stopped();
  return result;
}

}  // namespace headscope
