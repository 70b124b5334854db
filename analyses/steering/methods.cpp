#include "analyses/steering/methods.h"

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {

std::span<const SteerMethod> all_steer_methods() {
#define HEADSCOPE_MAKE(name) name##_method(),
  static const std::vector<SteerMethod> methods{HEADSCOPE_STEER_METHODS(HEADSCOPE_MAKE)};
#undef HEADSCOPE_MAKE
  return methods;
}

const SteerMethod& find_steer_method(const std::string& name) {
  std::vector<std::string> names;
  for (const SteerMethod& method : all_steer_methods()) {
    if (method.name == name) {
      return method;
    }
    names.emplace_back(method.name);
  }
  throw UsageError("no steering method is called {}{}; there is {}",
                   name,
                   did_you_mean(name, names),
                   fmt::join(names, ", "));
}

}  // namespace headscope
