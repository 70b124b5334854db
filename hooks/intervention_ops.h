// What the ops of interventions make of a whole value.
#pragma once

#include "hooks/intervention.h"
#include "hooks/stored_values.h"
#include "lib/model/tap.h"

namespace headscope {

// True where a query sees a key. Broadcasts against scores and patterns [B, H, query, key].
Tensor seen_pairs(const Visit& visit, const Tensor& value);

// Stored values, brought to the value's device, dtype and shape. Those of one prompt give each
// column the value at its own position. `selected` broadcasts against the value; undefined:
// everything. Throws UsageError for a shape that does not fit, or a selected position that the
// stored prompt does not have.
Tensor fitted(const ResolvedValues& stored,
              const Visit& visit,
              const Tensor& value,
              const Tensor& selected);

// The op on the whole value, of which the caller takes the selected part. `numbers`: the fitted
// values, where the op has some.
Tensor changed(const Intervention& what,
               const Visit& visit,
               const Tensor& value,
               const Tensor& numbers);

// Throws UsageError naming a query that saw a key `before` and sees none `after`.
void check_sighted(const Visit& visit, const Tensor& before, const Tensor& after);

}  // namespace headscope
