// One layer of a run on its own, from the stream entering it.
#pragma once

#include "lib/model/model.h"

namespace headscope {

struct LayerRun {
  const Model& model;
  const BatchLayout& layout;
  const Tensor& stream;  // [B, T, d_model], entering the layer
  int layer = 0;
};

// The value of a site of the layer.
Tensor watched(const LayerRun& run, Site site);

// The same with another site of the layer replaced by `value`.
Tensor watched(const LayerRun& run, Site site, Site replaced, const Tensor& value);

}  // namespace headscope
