#include "analyses/studies/studies.h"

namespace headscope {

std::span<const Study> all_studies() {
#define HEADSCOPE_MAKE(name) name##_study(),
  static const std::vector<Study> all{HEADSCOPE_STUDIES(HEADSCOPE_MAKE)};
#undef HEADSCOPE_MAKE
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
