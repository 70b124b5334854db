// A tap made anew for every pass, as a change that belongs to a model: what an analysis of edges
// does to its own runs. It is no intervention of a user, so nothing is counted or stored of it.
#pragma once

#include <functional>
#include <memory>

#include "lib/base/json.h"
#include "lib/model/model.h"
#include "lib/model/standing_change.h"

namespace headscope {

class PassChange final : public StandingChange {
 public:
  using MakeTap = std::function<std::unique_ptr<Tap>()>;
  explicit PassChange(MakeTap make) : make_(std::move(make)) {}

  [[nodiscard]] std::unique_ptr<Tap> tap() const override { return make_(); }
  [[nodiscard]] std::string hash() const override { return {}; }
  [[nodiscard]] Json description() const override { return {}; }
  [[nodiscard]] std::vector<Fired> fired() const override { return {}; }
  void add_fired(const std::vector<std::int64_t>&) const override {}
  void check_fired() const override {}

 private:
  MakeTap make_;
};

// The model whose every pass runs with a tap of `make`.
inline Model changed_by(const Model& model, PassChange::MakeTap make) {
  return model.with(std::make_shared<PassChange>(std::move(make)));
}

}  // namespace headscope
