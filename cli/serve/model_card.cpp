#include "cli/serve/model_card.h"

#include "hooks/address.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

OrderedJson hook_json(HookPoint point, const ModelConfig& config) {
  OrderedJson axes = OrderedJson::array();
  OrderedJson shape = OrderedJson::array();
  for (const Axis axis : info(point.site).axes) {
    if (axis == Axis::batch) {
      continue;
    }
    const auto size = axis_size(axis, config);
    axes.push_back(to_string(axis));
    shape.push_back(size ? OrderedJson(*size) : OrderedJson(to_string(axis)));
  }
  const std::vector<std::string> names = names_of(point);
  return {{"name", names.front()},
          {"layer", point.layer},
          {"axes", std::move(axes)},
          {"shape", std::move(shape)},
          {"aliases", std::vector<std::string>(names.begin() + 1, names.end())}};
}

}  // namespace

ModelCard model_card(const Model& model, const std::string& id) {
  const ModelConfig& config = model.config();
  OrderedJson hooks = OrderedJson::array();
  for (const HookPoint point : hook_points(config)) {
    hooks.push_back(hook_json(point, config));
  }
  return {.id = id,
          .n_layers = config.n_layers,
          .n_heads = config.n_heads,
          .n_ctx = config.n_ctx,
          .hooks = {{"model", id}, {"layers", config.n_layers}, {"hooks", std::move(hooks)}}};
}

}  // namespace headscope
