// The direction along which the right and the wrong texts of a point vary most.
#pragma once

#include "analyses/steering/directions_by_layer.h"

namespace headscope {

// See the definition of the method pca. […] f64. Throws DataError if the texts do not differ.
Tensor principal_direction(const PointTexts& texts);

}  // namespace headscope
