#include "analyses/studies/studies.h"

namespace headscope {

std::span<const Study> all_studies() {
  static const std::vector<Study> all{sae_circuits_study(), eap_study(), acdc_study()};
  return all;
}

const Study* find_study(const std::string& name) {
  for (const Study& study : all_studies()) {
    if (study.name == name) {
      return &study;
    }
  }
  return nullptr;
}

}  // namespace headscope
