// Random counterparts of interventions: as large, but of heads and directions that nobody chose.
#pragma once

#include <string>
#include <vector>

#include "hooks/intervention.h"
#include "hooks/stored_values.h"
#include "lib/base/random.h"
#include "lib/model/model.h"

namespace headscope {

struct ControlEdits {
  std::vector<Intervention> edits;
  NamedValues named;
};

// What is drawn at random in a document's place.
//   heads: edits of chosen heads without values: as many heads of the model that none of them
//     chose, of any layer, changed in the same ways.
//   directions: edits with values: Gaussian vectors with the norms of theirs (along the last axis),
//     at the same places.
// A document may have both. Edits of whole sites, without heads and values, have no counterpart.
struct ControlKinds {
  bool heads = false;
  bool directions = false;
  bool whole = false;                       // an edit that has none
  [[nodiscard]] std::string words() const;  // "random heads", "random directions", "none"
};
ControlKinds control_kinds(const std::vector<Intervention>& edits);

// The hook points that `edit` changes, in the model's order.
std::vector<HookPoint> edited_points(const Intervention& edit, const ModelConfig& config);

// Throws UsageError for heads of keys and values, and if the model has not as many other heads.
ControlEdits random_counterpart(const Model& model,
                                const std::vector<Intervention>& edits,
                                const NamedValues& named,
                                Random& random);

}  // namespace headscope
