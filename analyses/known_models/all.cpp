#include <algorithm>

#include "analyses/known_models/models.h"
#include "lib/base/named.h"

namespace headscope {

std::span<const KnownModel> all_known_models() {
#define HEADSCOPE_MAKE(name) name##_model(),
  static const std::vector<KnownModel> models{HEADSCOPE_KNOWN_MODELS(HEADSCOPE_MAKE)};
#undef HEADSCOPE_MAKE
  return models;
}

const KnownModel& known_model(std::string_view name) {
  return find_named(all_known_models(), name, fmt::format("no known model is called {}", name));
}

}  // namespace headscope
