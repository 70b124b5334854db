// What to do about values that are NaN or infinite, for the end of an error's message.
#pragma once

#include <string>

#include "lib/model/model.h"

namespace headscope {

// Of a model that runs as it was stored: a wider dtype, or weights without NaN. Of one that is
// changed (Model::with(), or by `change` for one text) the change is the likely cause and comes
// first, by its file.
std::string not_finite_advice(const Model& model, const StandingChange* change = nullptr);

}  // namespace headscope
