// What `headscope niah` runs on: prompts, the model, and where both came from.
#pragma once

#include <vector>

#include "analyses/retrieval/niah.h"
#include "cli/niah/niah_options.h"
#include "cli/verb.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// Built from haystack and needles, or those of --prompts. UsageError for a context longer than the
// model's, unless --allow-beyond; DataError for files that are wrong.
std::vector<NiahPrompt> prompts_of(const NiahVerbOptions& options, const Model& model);

// A model with room for the longest prompt and its answer.
Model roomy(const NiahVerbOptions& options,
            const Model& model,
            const std::vector<NiahPrompt>& prompts);

Json provenance_of(const NiahVerbOptions& options,
                   const Invocation& invocation,
                   const Model& model,
                   const std::vector<NiahPrompt>& prompts);

}  // namespace headscope
