// Which hook points a tap asked for, and how often each fired: a hook that never fires is an error.
#pragma once

#include <map>
#include <vector>

#include "lib/model/tap.h"

namespace headscope {

class Firing {
 public:
  void expect(const std::vector<HookPoint>& points);
  [[nodiscard]] bool expects(HookPoint point) const { return counts_.contains(key(point)); }
  void count(HookPoint point) { ++counts_.at(key(point)); }
  [[nodiscard]] std::int64_t times(HookPoint point) const;

  // Throws UsageError naming the first point that never fired.
  void check() const;

 private:
  using Key = std::pair<Site, int>;
  static Key key(HookPoint point) { return {point.site, point.layer}; }
  std::map<Key, std::int64_t> counts_;
};

}  // namespace headscope
