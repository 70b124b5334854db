#include "cli/several_gpus.h"

#include <algorithm>
#include <string_view>

#include <fmt/ranges.h>

#include "lib/base/error.h"

namespace headscope {
namespace {

// Those that neither train nor compare what layers wrote with each other.
constexpr std::string_view kVerbs[] = {"ablate",
                                       "attribute",
                                       "bench",
                                       "chat",
                                       "dla",
                                       "generate",
                                       "hooks",
                                       "info",
                                       "patch",
                                       "predict",
                                       "record",
                                       "serve"};

}  // namespace

void check_several_gpus(const std::string& verb, const Device& device) {
  if (device.count == 1 ||
      std::find(std::begin(kVerbs), std::end(kVerbs), verb) != std::end(kVerbs)) {
    return;
  }
  throw UsageError(
      "--device {}: {} works on one GPU; layers over several are for {} (--device cuda:{})",
      to_string(device),
      verb,
      fmt::join(kVerbs, ", "),
      device.index);
}

}  // namespace headscope
