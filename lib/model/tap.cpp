#include "lib/model/tap.h"

#include <algorithm>

namespace headscope {

bool all_change_scores_fused(const std::vector<const Tap*>& taps, int layer) {
  return std::all_of(taps.begin(), taps.end(), [&](const Tap* tap) {
    return tap->wants({Site::attn_scores, layer}) == Interest::none ||
           tap->changes_scores_fused(layer);
  });
}

void change_scores_by(const std::vector<Tap*>& taps, const Visit& visit, AttentionInputs& in) {
  for (Tap* tap : taps) {
    if (tap->wants(visit.point) != Interest::none) {
      tap->change_scores(visit, in);
    }
  }
}

}  // namespace headscope
