// Where an output came from, written into every file headscope makes.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/json_fwd.h"
#include "lib/model/model.h"

namespace headscope {

class AttentionPlan;

struct ProvenanceOptions {
  std::string command_line;
  std::uint64_t seed = 0;
  PrependBos prepend_bos = PrependBos::automatic;
};

// model, weights_hash, config, tokenizer_hash, command_line, headscope_version, seed, created,
// device, dtype, prepend_bos; "identity" holds those that must agree for a run to be resumed, the
// device as "cpu" or "cuda". Of a changed model also "interventions" and, in the identity, their
// file's hash; of one with a plan of attention "attention" and the plan's hash.
Json provenance(const Model& model, const ProvenanceOptions& options);

// The operators of a plan, and in "untrained" what models are to be trained with and this one was
// not: in every output of such a run, so that nobody takes it for a trained one.
Json attention_provenance(const AttentionPlan& plan);

}  // namespace headscope
