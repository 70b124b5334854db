#include "lib/model/standing_change.h"

#include <algorithm>

namespace headscope {

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
  const Interest other = tap_.wants(visit.point);
  if (other == Interest::supply) {
    return tap_.visit(visit, value);
  }
  const bool changed = change_->wants(visit.point) != Interest::none;
  const Tensor current = changed ? change_->visit(visit, value) : value;
  if (other == Interest::none) {
    return current;
  }
  const Tensor seen = tap_.visit(visit, current);
  return other == Interest::observe ? current : seen;
}

}  // namespace headscope
