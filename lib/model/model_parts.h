// A model taken apart, to make another of it.
#pragma once

#include "lib/model/model.h"

namespace headscope {

// What `model` was made of, its plan of attention too; the weights are shared with it. What it is
// changed by (standing()) is no part of it.
Model::Parts parts_of(const Model& model);

}  // namespace headscope
