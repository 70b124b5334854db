// What op "sae" of an intervention's document says of a sparse autoencoder.
#pragma once

#include <filesystem>

#include "hooks/intervention.h"
#include "hooks/intervention_fields.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// Reads "sae", "do", "features", "value" and "error_term"; the autoencoder's folder is relative to
// `folder`, the document's. Throws DataError.
SaeChange sae_from(InterventionFields& fields, const std::filesystem::path& folder);

// Writes them.
void put_sae(OrderedJson& out, const SaeChange& sae);

}  // namespace headscope
