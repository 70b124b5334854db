#include "hooks/token_choice.h"

namespace headscope {
namespace {

// What ends later, or never, holds what begins no earlier. Ends counted from elsewhere are not
// compared.
bool steps_within(const std::optional<IndexRange>& part, const std::optional<IndexRange>& whole) {
  return !whole || (part && part->from >= whole->from &&
                    (!whole->to || (part->to && *part->to <= *whole->to)));
}

}  // namespace

bool is_within(const TokenChoice& part, const TokenChoice& whole) {
  const bool phase = whole.phase == Phase::both || whole.phase == part.phase;
  const bool positions = !whole.positions || whole.positions == part.positions;
  const bool except = !whole.except || whole.except == part.except;
  return phase && positions && except && steps_within(part.steps, whole.steps);
}

}  // namespace headscope
