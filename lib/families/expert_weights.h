// Parameters of experts as files hold them: a tensor an expert (Mixtral, Qwen 3 MoE), or all
// experts stacked in one (gpt-oss, GGUF).
#pragma once

#include <cstdint>
#include <functional>

#include "lib/families/parameters.h"
#include "lib/families/rules.h"
#include "lib/families/source_names.h"
#include "lib/weights/weight_source.h"

namespace headscope {

// A parameter, where it is stored and how.
struct WeightReading {
  const StoredTensor* stored;
  Parameter parameter;
  Layout layout;
  double scale = 1.0;
  // Of which expert's rows it is a reading, or −1; and whether `stored` stacks all of them.
  std::int64_t expert = -1;
  enum class Of { one, all } stored_of = Of::one;
};
using UseWeightReading = std::function<void(const WeightReading& reading)>;

// What is read into what: of an expert its rows of the parameter and, of a stacked tensor, its
// slice.
struct ReadPart {
  const WeightSource& source;
  const StoredTensor& stored;
  const Parameter& parameter;
};
void with_part(const WeightSource& source,
               const WeightReading& reading,
               const std::function<void(const ReadPart& part)>& use);

// Calls `use` once an expert. Throws DataError for a stack of another number of experts.
void for_each_expert(const SourceNames& names,
                     const WeightRule& rule,
                     const Parameter& parameter,
                     int layer,
                     const UseWeightReading& use);

// The rules for a file that packs stacked experts in MXFP4: what is called NAME where it is stored
// whole, [E, in, out], is NAME_blocks, [E, out, in]. `rules` themselves for any other.
WeightRules with_packed_experts(const WeightSource& source, WeightRules rules);

// True if layers of this kind have what the rule is for: "moe.…" are parameters of experts, "mlp.…"
// of a dense MLP.
bool is_of_layer(const WeightRule& rule, LayerMlp kind);

}  // namespace headscope
