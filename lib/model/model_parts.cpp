#include "lib/model/model_parts.h"

#include <memory>

namespace headscope {

Model::Parts parts_of(const Model& model) {
  return {.config = model.config(),
          .weights = model.weights(),
          .tokenizer = model.has_tokenizer() ? std::make_shared<const Tokenizer>(model.tokenizer())
                                             : nullptr,
          .device = model.device(),
          .dtype = model.dtype(),
          .source = model.source(),
          .attention_plan = model.attention_plan()};
}

}  // namespace headscope
