// The parts of an intervention that say of which tokens and how strongly, as JSON: "apply", "keys",
// "when" and "strength". Their schema is part of data/interventions.schema.json.
#pragma once

#include <optional>

#include "hooks/head_condition.h"
#include "hooks/intervention_fields.h"
#include "hooks/strength.h"
#include "hooks/token_choice.h"

namespace headscope {

// The choice under `key`, everything where there is none. Throws DataError as InterventionFields
// does: an unknown key, another type, steps of a prefill.
TokenChoice token_choice_from(InterventionFields& fields, const std::string& key);
OrderedJson to_json(const TokenChoice& choice);

// What "when" says; unset: there is none. DataError for an unknown statistic, or no bound.
std::optional<HeadCondition> condition_from(InterventionFields& fields);
OrderedJson to_json(const HeadCondition& condition);

// What "strength" says: a number, or one for each step of decoding. Unset: there is none.
struct Strength {
  double number = 1.0;
  std::optional<StrengthSchedule> schedule{};
};
std::optional<Strength> strength_from(InterventionFields& fields);
OrderedJson to_json(const StrengthSchedule& schedule);

}  // namespace headscope
