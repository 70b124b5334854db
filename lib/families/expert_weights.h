// Parameters of experts as files hold them: a tensor an expert (Mixtral, Qwen 3 MoE), or all
// experts stacked in one (gpt-oss, GGUF).
#pragma once

#include <functional>

#include "lib/families/parameters.h"
#include "lib/families/rules.h"
#include "lib/families/source_names.h"
#include "lib/weights/weight_source.h"

namespace headscope {

// A stored tensor, in `source`, with the parameter that it is read into.
using UseParameter = std::function<void(const WeightSource& source,
                                        const StoredTensor& stored,
                                        const Parameter& parameter,
                                        Layout layout)>;

// Calls `use` once an expert, with that expert's rows as the parameter and, of a stacked tensor,
// its slice as the stored one. Throws DataError for a stack of another number of experts.
void for_each_expert(const SourceNames& names,
                     const WeightRule& rule,
                     const Parameter& parameter,
                     int layer,
                     const UseParameter& use);

// The rules for a file that packs stacked experts in MXFP4: what is called NAME where it is stored
// whole, [E, in, out], is NAME_blocks, [E, out, in]. `rules` themselves for any other.
WeightRules with_packed_experts(const WeightSource& source, WeightRules rules);

// True if layers of this kind have what the rule is for: "moe.…" are parameters of experts, "mlp.…"
// of a dense MLP.
bool is_of_layer(const WeightRule& rule, LayerMlp kind);

}  // namespace headscope
