#include "analyses/steering/principal_direction.h"

#include "lib/base/error.h"
#include "lib/tensor/dense.h"
#include "lib/tensor/ops.h"

namespace headscope {

Tensor principal_direction(const PointTexts& texts) {
  const Tensor rows = texts.values.flatten(1);
  Tensor varied = rows - rows.mean(0);
  if (texts.kind == SteerData::Kind::continuations) {  // a right text, then the wrong one
    const Tensor pairs = rows.reshape({rows.size(0) / 2, 2, rows.size(1)});
    varied = pairs.select(1, 0) - pairs.select(1, 1);
  }
  const PrincipalAxes found = principal_axes(varied.contiguous(), 1);
  if (found.axes.size(0) == 0) {
    throw DataError("the positive and the negative texts end in the same activations");
  }
  const Tensor axis = found.axes[0];
  const Tensor between = mean_difference(rows, texts.positive);
  return (axis * axis.dot(between)).reshape(texts.values.sizes().slice(1));
}

}  // namespace headscope
