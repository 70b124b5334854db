#include "hooks/tap_list.h"

#include <algorithm>

#include "lib/tensor/tensor.h"

namespace headscope {

void TapList::begin(const ModelConfig& config) {
  for (Tap* tap : taps_) {
    tap->begin(config);
  }
}

void TapList::end() {
  for (Tap* tap : taps_) {
    tap->end();
  }
}

Interest TapList::wants(HookPoint point) const {
  Interest most = Interest::none;
  for (const Tap* tap : taps_) {
    most = std::max(most, tap->wants(point));
  }
  return most;
}

Tensor TapList::visit(const Visit& visit, const Tensor& value) {
  Tensor current = value;
  for (const Interest turn : {Interest::supply, Interest::edit, Interest::observe}) {
    for (Tap* tap : taps_) {
      if (tap->wants(visit.point) == turn) {
        const Tensor seen = tap->visit(visit, current);
        current = turn == Interest::observe ? current : seen;
      }
    }
  }
  return current;
}

bool TapList::wants_attention(int layer) const {
  return std::any_of(
      taps_.begin(), taps_.end(), [&](const Tap* tap) { return tap->wants_attention(layer); });
}

void TapList::visit_attention(const Visit& visit, const AttentionInputs& in) {
  for (Tap* tap : taps_) {
    if (tap->wants_attention(visit.point.layer)) {
      tap->visit_attention(visit, in);
    }
  }
}

TapList operator|(Tap& first, Tap& second) {
  return TapList({&first, &second});
}

TapList operator|(TapList&& list, Tap& last) {
  std::vector<Tap*> taps = list.taps();
  taps.push_back(&last);
  return TapList(std::move(taps));
}

}  // namespace headscope
