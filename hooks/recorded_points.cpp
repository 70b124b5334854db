#include "hooks/recorded_points.h"

#include <algorithm>

#include "hooks/address.h"

namespace headscope {
namespace {

constexpr std::string_view kGrad = "_grad";

bool is_glob(const std::string& pattern) {
  return pattern.find_first_of("*?{") != std::string::npos;
}

// Numbers have no gradient; the streams heads read of their own (hook_q_input and the like) cannot
// be followed beside the shared one, so they are for those who name them.
bool in_globs(HookPoint point) {
  constexpr Site kLeftOut[] = {Site::tokens,
                               Site::mlp_expert_indices,
                               Site::attn_in,
                               Site::q_input,
                               Site::k_input,
                               Site::v_input};
  return std::find(std::begin(kLeftOut), std::end(kLeftOut), point.site) == std::end(kLeftOut);
}

}  // namespace

RecordedPoints recorded_points(const std::vector<std::string>& patterns,
                               const ModelConfig& config) {
  std::vector<std::string> values;
  std::vector<std::string> gradients;
  bool named = false;  // one by its own name, not by a glob
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
    std::erase_if(points.gradients, [](HookPoint point) { return !in_globs(point); });
  }
  return points;
}

}  // namespace headscope
