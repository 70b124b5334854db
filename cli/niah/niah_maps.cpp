#include <limits>

#include <fmt/format.h>

#include "cli/niah/niah_view.h"
#include "cli/render/head_map.h"
#include "lib/base/json.h"

namespace headscope {

HeatMap accuracy_map(const Accuracy& accuracy,
                     const std::string& model,
                     const std::string& masked) {
  HeatMap map{.title = model + " · needle in a haystack",
              .subtitle = masked == "none" ? "ROUGE-1 recall, percent"
                                           : "ROUGE-1 recall, percent; masked: " + masked,
              .values = {},
              .row_labels = {},
              .col_labels = {},
              .row_axis = "depth, %",
              .col_axis = "context, tokens",
              .value_name = "recall",
              .range = ValueRange{0, 100},
              .mask = Mask::absent};
  map.rows = static_cast<std::int64_t>(accuracy.depths.size());
  map.cols = static_cast<std::int64_t>(accuracy.contexts.size());
  for (const double depth : accuracy.depths) {
    map.row_labels.push_back(fmt::format("{:g}", depth));
    for (const std::int64_t context : accuracy.contexts) {
      const OrderedJson value = accuracy.at(context, depth);
      map.values.push_back(value.is_null() ? std::numeric_limits<float>::quiet_NaN()
                                           : value.get<float>());
    }
  }
  for (const std::int64_t context : accuracy.contexts) {
    map.col_labels.push_back(std::to_string(context));
  }
  return map;
}

HeatMap retrieval_map(const HeadScores& means, const std::string& model, std::int64_t passed) {
  HeatMap map = head_map(means);
  map.title = model + " · retrieval score";
  map.subtitle = fmt::format("mean over {} passed prompts", passed);
  map.value_name = "score";
  map.range = ValueRange{0, 1};
  return map;
}

}  // namespace headscope
