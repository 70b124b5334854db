#include "analyses/sweep_file/sweep_methods.h"

#include <utility>

#include "analyses/ablation/ablate_method.h"
#include "analyses/attribution/attribute_method.h"
#include "analyses/path_patching/path_patch_method.h"
#include "analyses/sae/sae_patch_method.h"
#include "analyses/sweep/patch_method.h"

namespace headscope {
namespace {

template <typename Method>
std::unique_ptr<SweepMethod> made() {
  return std::make_unique<Method>();
}

using Make = std::unique_ptr<SweepMethod> (*)();

// A new method is a line here.
constexpr std::pair<const char*, Make> kMethods[] = {{"patch", made<PatchMethod>},
                                                     {"ablate", made<AblateMethod>},
                                                     {"path-patch", made<PathPatchMethod>},
                                                     {"attribute", made<AttributeMethod>},
                                                     {"sae-patch", made<SaePatchMethod>}};

}  // namespace

const std::vector<std::string>& sweep_method_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, make] : kMethods) {
      all.emplace_back(name);
    }
    return all;
  }();
  return names;
}

std::unique_ptr<SweepMethod> make_sweep_method(const std::string& name) {
  for (const auto& [known, make] : kMethods) {
    if (name == known) {
      return make();
    }
  }
  return nullptr;
}

}  // namespace headscope
