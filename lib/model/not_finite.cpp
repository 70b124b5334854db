#include "lib/model/not_finite.h"

#include <fmt/format.h>

#include "lib/model/standing_change.h"

namespace headscope {

std::string not_finite_advice(const Model& model, const StandingChange* change) {
  const StandingChange* cause = change != nullptr ? change : model.standing().get();
  const bool wide = model.dtype() == DType::f32;
  if (cause == nullptr) {
    return wide ? "the weights hold NaN or numbers too large, or the model is damaged"
                : "try --dtype f32, and if it stays so, weights without NaN";
  }
  const std::string file = cause->file();
  return fmt::format("the interventions{}{} are the likely cause: smaller factors and values{}",
                     file.empty() ? "" : " of ",
                     file,
                     wide ? "" : ", or --dtype f32");
}

}  // namespace headscope
