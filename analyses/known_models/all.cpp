#include <algorithm>

#include "analyses/known_models/models.h"
#include "lib/base/named.h"

namespace headscope {

std::span<const KnownModel> all_known_models() {
  static const std::vector<KnownModel> models{copy_model(),
                                              induction2_model(),
                                              duplicate_model(),
                                              ioi_toy_model(),
                                              successor_model(),
                                              grouped_model(),
                                              mlp_sum_model(),
                                              backup_model(),
                                              window_model(),
                                              histogram_model(),
                                              reverse_model(),
                                              sort_model(),
                                              fraction_previous_model(),
                                              brackets_model()};
  return models;
}

const KnownModel& known_model(std::string_view name) {
  return find_named(all_known_models(), name, fmt::format("no known model is called {}", name));
}

}  // namespace headscope
