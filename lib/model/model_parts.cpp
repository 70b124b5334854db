#include "lib/model/model_parts.h"

#include <memory>

namespace headscope {
namespace {

std::vector<Device> layer_devices_of(const Model& model) {
  std::vector<Device> devices;
  for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
    devices.push_back(model.device(layer));
  }
  return devices;
}

}  // namespace

Model::Parts parts_of(const Model& model) {
  return {.config = model.config(),
          .weights = model.weights(),
          .tokenizer = model.has_tokenizer() ? std::make_shared<const Tokenizer>(model.tokenizer())
                                             : nullptr,
          .device = model.device(),
          .layer_devices = layer_devices_of(model),
          .dtype = model.dtype(),
          .source = model.source(),
          .attention_plan = model.attention_plan()};
}

}  // namespace headscope
