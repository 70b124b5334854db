#include <algorithm>

#include <fmt/ranges.h>

#include "analyses/known_models/models.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"

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
  std::vector<std::string> names;
  for (const KnownModel& model : all_known_models()) {
    if (model.name == name) {
      return model;
    }
    names.emplace_back(model.name);
  }
  throw UsageError("no known model is called {}{}; there are {}",
                   name,
                   did_you_mean(std::string(name), names),
                   fmt::join(names, ", "));
}

}  // namespace headscope
