#include "hooks/recorded_points.h"

#include <algorithm>

#include "hooks/address.h"

namespace headscope {
namespace {

constexpr std::string_view kGrad = "_grad";

bool is_glob(const std::string& pattern) {
  return pattern.find_first_of("*?{") != std::string::npos;
}

bool has_gradient(HookPoint point) {
  return point.site != Site::tokens && point.site != Site::mlp_expert_indices;
}

}  // namespace

RecordedPoints recorded_points(const std::vector<std::string>& patterns,
                               const ModelConfig& config) {
  std::vector<std::string> values;
  std::vector<std::string> gradients;
  bool named = false;  // a point without a gradient, not by a glob: Model's to refuse
  for (const std::string& pattern : patterns) {
    if (pattern.ends_with(kGrad)) {
      gradients.push_back(pattern.substr(0, pattern.size() - kGrad.size()));
      named = named || !is_glob(pattern);
    } else {
      values.push_back(pattern);
    }
  }
  RecordedPoints points{resolve_hooks(values, config), resolve_hooks(gradients, config)};
  if (!named) {
    std::erase_if(points.gradients, [](HookPoint point) { return !has_gradient(point); });
  }
  return points;
}

}  // namespace headscope
