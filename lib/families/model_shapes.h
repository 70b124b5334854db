// The shapes of published models, for weights drawn at random.
#pragma once

#include <string>
#include <vector>

#include "lib/base/json_fwd.h"

namespace headscope {

// "gpt2", "llama-8b", …: the names of data/models/shapes.json.
std::vector<std::string> model_shape_names();

// The config.json of a published model of that shape; of a name that is none of these, the
// config.json of the model directory it names. Throws UsageError, and DataError for a config that
// cannot be read.
Json shape_config(const std::string& like);

}  // namespace headscope
