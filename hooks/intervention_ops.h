// What the ops of interventions make of a whole value.
#pragma once

#include "hooks/intervention.h"
#include "hooks/stored_values.h"
#include "lib/attention/attention.h"
#include "lib/model/tap.h"

namespace headscope {

// True where a query sees a key. Broadcasts against scores and patterns [B, H, query, key].
Tensor seen_pairs(const Visit& visit, const Tensor& value);

// Stored values as the op takes them: of low_rank the projection on their span, [d, d] or one a
// head [heads, d, d]; of set_row checked weights; of others as they are. Throws UsageError for
// directions that are not independent or 0, and for weights that are negative or do not sum to 1.
ResolvedValues made_ready(const Intervention& what, ResolvedValues stored);

// What made_ready() gave, where it serves passes on `value`'s device, of its dtype where the op
// computes in that: the same for all of them, so worth keeping.
ResolvedValues placed(const Intervention& what, const ResolvedValues& stored, const Tensor& value);

// The same, on the value's device and, but for low_rank and set_row, of its dtype and
// shape. Values of one prompt give each
// column the value at its own position. `selected` broadcasts against the value; undefined:
// everything. Throws UsageError for a shape that does not fit, or a selected position that the
// stored prompt does not have.
Tensor numbers_for(const Intervention& what,
                   const ResolvedValues& stored,
                   const Visit& visit,
                   const Tensor& value,
                   const Tensor& selected);

// The op on the whole value, of which the caller takes the selected part. `numbers`: the stored
// values, fitted where an op takes one for each of the value's; undefined: it has none. `strength`:
// the strengths() of its schedule; undefined: it has none.
Tensor changed(const Intervention& what,
               const Visit& visit,
               const Tensor& value,
               const Tensor& numbers,
               const Tensor& strength);

// The op by the inputs of attention: of ops that changes_scores_fused(). `scores` has their shape
// and device; `selected` broadcasts against them, undefined: everything.
void change_scores_by_op(const Intervention& what,
                         const Visit& visit,
                         const Tensor& scores,
                         const Tensor& selected,
                         AttentionInputs& in);

// Throws UsageError naming a query that saw a key `before` and sees none `after`, both scores.
void check_sighted(const Visit& visit, const Tensor& before, const Tensor& after);

// The same of what is added to scores, by seen_pairs(). Memory of queries × keys at most.
void check_sighted_with(const Visit& visit, const Tensor& bias, const Tensor& seen);

}  // namespace headscope
