#include "analyses/head_detectors/detectors.h"
#include "lib/base/hash.h"
#include "lib/base/named.h"

namespace headscope {

const std::vector<Detector>& all_detectors() {
#define HEADSCOPE_MAKE(name) name##_detector(),
  static const std::vector<Detector> all{HEADSCOPE_DETECTORS(HEADSCOPE_MAKE)};
#undef HEADSCOPE_MAKE
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
