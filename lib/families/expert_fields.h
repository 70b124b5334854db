// What families with a mixture of experts share: reading its settings, naming its tensors.
#pragma once

#include <string>

#include "lib/families/config_fields.h"
#include "lib/families/family.h"
#include "lib/model/config.h"

namespace headscope {

// What a config that leaves them out means to transformers.
struct UsualExperts {
  std::int64_t count;
  std::int64_t chosen;
};

// Reads the experts' number under both of its names, how many are chosen, and their width from the
// field `width`. Every layer has them; d_mlp is 0.
void read_experts(ConfigFields& fields,
                  ModelConfig& config,
                  std::string_view width,
                  const UsualExperts& usual);

// How config.json's releases call the tensors: prefix + router + ".weight", and an expert's prefix
// with {e} + gate, up, down + ".weight".
struct ExpertNames {
  std::string prefix;
  std::string gate, up, down;
};

// Appends them to `rules`; llama.cpp has one set of names for all.
void add_expert_rules(WeightRules& rules,
                      const ModelConfig& config,
                      Naming naming,
                      const ExpertNames& names);

}  // namespace headscope
