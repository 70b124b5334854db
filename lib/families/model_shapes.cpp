#include "lib/families/model_shapes.h"

#include <algorithm>
#include <filesystem>

#include <fmt/ranges.h>

#include "lib/base/embed.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

HEADSCOPE_EMBED(embedded_model_shapes, HEADSCOPE_MODEL_DATA "/shapes.json")

namespace headscope {
namespace {

const Json& shapes() {
  static const Json all = parse_json(embedded_model_shapes(), "data/models/shapes.json");
  return all;
}

}  // namespace

std::vector<std::string> model_shape_names() {
  std::vector<std::string> names;
  for (const auto& [name, config] : shapes().items()) {
    names.push_back(name);
  }
  return names;
}

Json shape_config(const std::string& like) {
  if (const auto shape = shapes().find(like); shape != shapes().end()) {
    return *shape;
  }
  const std::filesystem::path config = std::filesystem::path(like) / "config.json";
  if (!path_exists(config)) {
    throw UsageError("no shape \"{}\"; known are {}, and any directory with a config.json",
                     like,
                     fmt::join(model_shape_names(), ", "));
  }
  return read_json(config);
}

}  // namespace headscope
