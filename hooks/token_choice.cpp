#include "hooks/token_choice.h"

#include <algorithm>

namespace headscope {
namespace {

// What ends later, or never, holds what begins no earlier. Ends counted from elsewhere are not
// compared.
bool steps_within(const std::optional<IndexRange>& part, const std::optional<IndexRange>& whole) {
  return !whole || (part && part->from >= whole->from &&
                    (!whole->to || (part->to && *part->to <= *whole->to)));
}

}  // namespace

bool TokenSet::of_prompt_alone() const {
  const auto ends_in_prompt = [](const IndexRange& range) { return range.to && *range.to < 0; };
  return texts.empty() && tokens.empty() && token_texts.empty() &&
         std::all_of(positions.begin(), positions.end(), [](auto at) { return at < 0; }) &&
         std::all_of(ranges.begin(), ranges.end(), ends_in_prompt);
}

bool TokenChoice::alike_for_written() const {
  const auto spares_written = [](const std::optional<TokenSet>& set) {
    return !set || set->of_prompt_alone();
  };
  return phase == Phase::prefill || (!steps && spares_written(positions) && spares_written(except));
}

bool is_within(const TokenChoice& part, const TokenChoice& whole) {
  const bool phase = whole.phase == Phase::both || whole.phase == part.phase;
  const bool positions = !whole.positions || whole.positions == part.positions;
  const bool except = !whole.except || whole.except == part.except;
  return phase && positions && except && steps_within(part.steps, whole.steps);
}

}  // namespace headscope
