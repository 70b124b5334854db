// What a server tells of its model.
#pragma once

#include <string>

#include "cli/api/engine.h"
#include "lib/model/model.h"

namespace headscope {

// `id` is what requests call the model.
ModelCard model_card(const Model& model, const std::string& id);

}  // namespace headscope
