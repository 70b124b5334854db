// A value that a change of the model alters before the tap of a pass is shown it.
#pragma once

#include "lib/model/tap.h"

namespace headscope {

// What a value becomes where `change` is made first and `tap`, the analysis' own, then sees and
// edits what it gives. What `tap` supplies is taken as it is: it stands for a value that is changed
// already.
template <class Change>
Tensor changed_then_seen(Tap& tap, const Visit& visit, const Tensor& value, const Change& change) {
  const Interest interest = tap.wants(visit.point);
  if (interest == Interest::supply) {
    return tap.visit(visit, value);
  }
  const Tensor changed = change(value);
  if (interest == Interest::none) {
    return changed;
  }
  const Tensor seen = tap.visit(visit, changed);
  return interest == Interest::observe ? changed : seen;
}

}  // namespace headscope
