#include "lib/model/beyond_context.h"

#include "lib/base/error.h"

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
  ModelConfig config = model.config();
  config.n_ctx = n_ctx;
  return Model(Model::Parts{.config = config,
                            .weights = model.weights(),
                            .tokenizer = model.has_tokenizer()
                                             ? std::make_shared<const Tokenizer>(model.tokenizer())
                                             : nullptr,
                            .device = model.device(),
                            .dtype = model.dtype(),
                            .source = model.source()})
      .with(model.standing());
}

}  // namespace headscope
