// Where an output came from, written into every file headscope makes.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/json_fwd.h"
#include "lib/model/model.h"

namespace headscope {

struct ProvenanceOptions {
  std::string command_line;
  std::uint64_t seed = 0;
  PrependBos prepend_bos = PrependBos::automatic;
};

// model, weights_hash, config, tokenizer_hash, command_line, headscope_version, seed, created,
// device, dtype, prepend_bos; "identity" holds those that must agree for a run to be resumed, the
// device as "cpu" or "cuda". Of a changed model also "interventions" and, in the identity, their
// file's hash.
Json provenance(const Model& model, const ProvenanceOptions& options);

}  // namespace headscope
