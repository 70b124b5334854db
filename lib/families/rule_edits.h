// Weight rules written and changed: Llama's made into those of families shaped like it, each
// turning one thing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/families/rules.h"

namespace headscope {

// `from` in every source becomes `to`.
void respell(WeightRules& rules, std::string_view from, std::string_view to);

// Rules of targets that begin with `prefix` go ("ln" for norms without parameters).
void drop(WeightRules& rules, std::string_view prefix);

// Every norm has a bias beside its gain.
void add_norm_biases(WeightRules& rules);

// No gate: what was "up" is all that goes into the MLP.
void make_plain_mlp(WeightRules& rules);

// Attention and MLP, which read the same stream, share the norm that attention has.
void share_one_norm(WeightRules& rules);

// `target` of each of `heads` heads, its number in the place of {h} of `source`; without one, all
// heads share what is stored.
void add_by_head(WeightRules& rules,
                 const std::string& target,
                 const std::string& source,
                 std::int64_t heads);

// "attn.W_Q" and "attn.b_Q" from weight and bias of `stored`; of a norm "ln1.w" and "ln1.b".
void add_linear(std::vector<WeightRule>& rules,
                const std::string& part,
                const std::string& ours,
                const std::string& stored);
void add_affine(std::vector<WeightRule>& rules, const std::string& ours, const std::string& stored);

}  // namespace headscope
