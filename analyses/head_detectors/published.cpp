#include "analyses/head_detectors/published.h"

#include <algorithm>

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
  const ModelConfig& c = model.config();
  HeadResult result;
  result.what = &what;
  result.atlas = {.provenance = {},
                  .n_layers = c.n_layers,
                  .n_heads = c.n_heads,
                  .n_kv_heads = c.n_kv_heads,
                  .detections = {}};
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
  Confirmer confirmer(model, confirm_options);
  for (const Detection& each : result.atlas.detections) {
    if (stopped()) {
      return result;
    }
    if (each.ran() && each.detector.behaviour && !each.with_role().empty()) {
      result.atlas.confirmations.push_back(confirmer.confirm(each));
    }
  }
  result.measured = what.measure(model, result.atlas, options);
  if (what.more && !stopped()) {
    result.tables = what.more(model, result.atlas, options);
  }
  stopped();
  return result;
}

}  // namespace headscope
