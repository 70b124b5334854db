#include "analyses/steering/directions_by_layer.h"
#include "analyses/steering/methods.h"

namespace headscope {

SteerMethod mean_diff_method() {
  return {.name = "mean-diff",
          .summary = "The difference of mean activations, added at one layer",
          .definition =
              "v = mean(x | positive) − mean(x | negative) at the last token of the "
              "texts; x + alpha · v at every position",
          .source =
              "Rimsky et al. 2023, Steering Llama 2 via contrastive activation addition, "
              "arXiv:2312.06681",
          .reads = {"site", "layers", "alpha"},
          .fit = [](const SteerRequest& request) {
            return fit_by_layer(request, "mean-diff", [](const PointTexts& texts) {
              return mean_difference(texts.values, texts.positive);
            });
          }};
}

}  // namespace headscope
