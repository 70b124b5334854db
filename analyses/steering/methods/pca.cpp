#include "analyses/steering/directions_by_layer.h"
#include "analyses/steering/methods.h"
#include "analyses/steering/principal_direction.h"

namespace headscope {

SteerMethod pca_method() {
  return {.name = "pca",
          .summary = "The first principal axis of the pairs' differences at a layer",
          .definition =
              "u = first principal axis of x⁺ − x⁻ over the pairs, not centred (labelled texts: of "
              "all x, centred); v = (u · (mean x⁺ − mean x⁻)) u, so that v points to the positive "
              "and alpha 1 moves as far along u as the classes' means lie apart",
          .source = "Zou et al. 2023, Representation engineering, arXiv:2310.01405",
          .reads = {"site", "layers", "alpha"},
          .fit = [](const SteerRequest& request) {
            return fit_by_layer(request, "pca", principal_direction);
          }};
}

}  // namespace headscope
