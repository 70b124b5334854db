#include "analyses/steering/methods.h"

#include <array>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {

std::span<const SteerMethod> all_steer_methods() {
  static const std::array methods{mean_diff_method(),
                                  pca_method(),
                                  iti_method(),
                                  knockout_method(),
                                  scale_method(),
                                  temperature_method(),
                                  function_vector_method(),
                                  boost_method(),
                                  lofit_method(),
                                  vhr_method(),
                                  pasta_method(),
                                  act_method(),
                                  low_rank_method(),
                                  successor_shift_method()};
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
