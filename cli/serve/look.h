// Values inside one pass over a prompt, as clients ask for them.
#pragma once

#include <cstdint>

#include "cli/api/values_job.h"
#include "lib/base/json_fwd.h"
#include "lib/model/model.h"
#include "lib/text/prompt.h"

namespace headscope {

struct LookLimits {
  std::int64_t answer_bytes = 64 << 20;  // of values that are told, as f32
  std::int64_t kept_bytes = 1 << 30;     // of whole values while they are looked at
};

// {"blocks.3.attn.hook_z": {"axes", "shape", "dtype", "data"}, …} of `prompt` run by `model`, with
// the standing change it has. Throws UsageError for hooks, heads and positions that are not there,
// HttpError 413 for more than the limits.
OrderedJson values_json(const Model& model,
                        const Prompt& prompt,
                        const ValuesJob& job,
                        const LookLimits& limits);

// {"tokens", "pieces", "layers": {"3": …}}: of each layer the pattern [head, query, key], or
// "first_mass", "entropy", "distance" [head, query] and "column_mass" [head, key]. Throws as
// values_json().
OrderedJson attention_json(const Model& model,
                           const Prompt& prompt,
                           const AttentionJob& job,
                           const LookLimits& limits);

}  // namespace headscope
