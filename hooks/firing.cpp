#include "hooks/firing.h"

#include "lib/base/error.h"

namespace headscope {

void Firing::expect(const std::vector<HookPoint>& points) {
  counts_.clear();
  for (const HookPoint point : points) {
    counts_[key(point)] = 0;
  }
}

std::int64_t Firing::times(HookPoint point) const {
  const auto found = counts_.find(key(point));
  return found == counts_.end() ? 0 : found->second;
}

void Firing::check() const {
  for (const auto& [point, times] : counts_) {
    if (times == 0) {
      throw UsageError("{} never fired: the pass did not reach it (resume, to_layer?)",
                       hook_name(point.first, point.second));
    }
  }
}

}  // namespace headscope
