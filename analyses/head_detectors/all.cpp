// The list of detectors, in the order of tables and pages. A new one is a line here.
#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/own_detectors.h"
#include "lib/base/hash.h"
#include "lib/base/named.h"

namespace headscope {

const std::vector<Detector>& all_detectors() {
  static const std::vector<Detector> all{
      previous_token_detector(), duplicate_token_detector(),
      induction_detector(),      echo_detector(),
      echo_induction_detector(), first_token_sink_detector(),
      column_sinks_detector(),   dormant_detector(),
      local_detector(),          streaming_detector(),
      delimiter_detector(),      subject_detector(),
      name_mover_detector(),     negative_mover_detector(),
      letter_mover_detector(),   retrieval_detector(),
      arithmetic_detector(),     copying_detector(),
      copying_score_detector(),  copy_suppression_detector(),
      successor_detector(),      induction_copying_detector(),
      composition_detector(),    value_drain_detector(),
      importance_detector(),     ablation_detector(),
      entropy_detector(),        distance_detector(),
      next_token_detector(),
  };
  return all;
}

std::string why_undefined(const Detector& detector, const Model& model) {
  if (detector.sight == Detector::Sight::causal_only && !is_causal(model.config())) {
    return "the model's tokens see later ones too";
  }
  return detector.undefined == nullptr ? std::string() : detector.undefined(model);
}

std::string fingerprint(const Detector& d) {
  Hasher hasher;
  hasher.update(fmt::format(
      "{}\n{}\n{}\n{}\n{}", d.name, d.definition, d.source, d.threshold.value_or(-1.0), d.content));
  return hasher.digest();
}

const Detector& find_detector(const std::string& name) {
  return find_named(all_detectors(), name, name + ": no such detector");
}

}  // namespace headscope
