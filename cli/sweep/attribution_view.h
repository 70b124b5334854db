// What a direct logit attribution sums to, for people and programs.
#pragma once

#include <string>

#include "analyses/logit_attribution/totals.h"
#include "cli/render/table.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// Embeddings, heads, MLPs, biases, and all of them.
Table totals_table(const AttributionTotals& totals);

// The table, and how the sum compares with the model's own logits.
std::string totals_text(const AttributionTotals& totals, const std::string& metric);

// {"heads": {"mean": …}, "mlps": …, …, "sum": …, "model": …}
OrderedJson totals_json(const AttributionTotals& totals);

// "components sum to 3.552, the model's logit_diff is 3.552"
std::string sum_line(const AttributionTotals& totals, const std::string& metric);

}  // namespace headscope
