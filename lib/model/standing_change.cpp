#include "lib/model/standing_change.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/model/changed_then_seen.h"

namespace headscope {

void throw_never_fired(const std::string& part) {
  throw UsageError(
      "{} never changed anything: no pass met what it selects; mend its positions, prompts or "
      "pairs, or take it out",
      part);
}

void check_fired_since(const StandingChange& change,
                       const std::vector<StandingChange::Fired>& before) {
  const std::vector<StandingChange::Fired> now = change.fired();
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (now[i].values == (i < before.size() ? before[i].values : 0)) {
      throw_never_fired(now[i].part);
    }
  }
}

void StandingTap::begin(const ModelConfig& config) {
  change_->begin(config);
  tap_.begin(config);
}

void StandingTap::end() {
  change_->end();
  tap_.end();
}

Interest StandingTap::wants(HookPoint point) const {
  return std::max(change_->wants(point), tap_.wants(point));
}

void StandingTap::visit_attention(const Visit& visit, const AttentionInputs& in) {
  for (Tap* tap : {change_.get(), &tap_}) {
    if (tap->wants_attention(visit.point.layer)) {
      tap->visit_attention(visit, in);
    }
  }
}

Tensor StandingTap::visit(const Visit& visit, const Tensor& value) {
  return changed_then_seen(tap_, visit, value, [&](const Tensor& own) {
    return change_->wants(visit.point) == Interest::none ? own : change_->visit(visit, own);
  });
}

}  // namespace headscope
