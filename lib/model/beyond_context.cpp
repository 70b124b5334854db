#include "lib/model/beyond_context.h"

#include <utility>

#include "lib/base/error.h"
#include "lib/model/model_parts.h"

namespace headscope {

Model beyond_context(const Model& model, std::int64_t n_ctx) {
  if (n_ctx <= model.config().n_ctx) {
    return model;
  }
  if (model.config().positions == Positions::learned) {
    throw UsageError("{} has learned positions for {} tokens and none for {}",
                     model.source().name,
                     model.config().n_ctx,
                     n_ctx);
  }
  Model::Parts parts = parts_of(model);
  parts.config.n_ctx = n_ctx;
  return Model(std::move(parts)).with(model.standing());
}

}  // namespace headscope
