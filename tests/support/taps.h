// Taps for tests: one that keeps everything, one that edits without changing anything.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/model/tap.h"

namespace headscope::test {

// Keeps a copy of every value, or of one site's.
class Watch final : public Tap {
 public:
  Watch() = default;
  explicit Watch(Site only) : only_(only), all_(false) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return all_ || point.site == only_ ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override {
    points.push_back(visit.point);
    values[visit.name()] = value.clone();
    return value;
  }
  [[nodiscard]] const Tensor& at(const std::string& name) const {
    const auto found = values.find(name);
    if (found == values.end()) {
      throw DataError("{} was never shown", name);
    }
    return found->second;
  }
  [[nodiscard]] const Tensor& at(Site site, int layer = kNoLayer) const {
    return at(hook_name(site, layer));
  }

  std::vector<HookPoint> points;  // in the order they were visited
  std::map<std::string, Tensor> values;

 private:
  Site only_ = Site::tokens;
  bool all_ = true;
};

// Says that it edits one site in every layer, and gives back an equal copy.
class IdentityEdit final : public Tap {
 public:
  explicit IdentityEdit(Site site) : site_(site) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == site_ ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit&, const Tensor& value) override {
    ++visits;
    return value.clone();
  }

  int visits = 0;

 private:
  Site site_;
};

}  // namespace headscope::test
