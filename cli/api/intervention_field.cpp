#include "cli/api/intervention_field.h"

#include <fmt/format.h>

namespace headscope {
namespace {

// {"direction": "xxh3:…"} → {"name": "xxh3:…"}.
void name_direction(Json& values, const std::string& where, const Directions& directions) {
  const bool named =
      values.size() == 1 && values.contains("direction") && values["direction"].is_string();
  if (!named) {
    throw HttpError(400,
                    where +
                        ": values are lists of numbers or {\"direction\": \"xxh3:…\"}, which POST "
                        "/v1/directions gives: files of this machine are not for clients",
                    "invalid_interventions",
                    "interventions");
  }
  const std::string hash = values["direction"].get<std::string>();
  if (directions.find(hash) == nullptr) {
    throw HttpError(404,
                    where + ": no direction " + hash + " is here: POST /v1/directions uploads it",
                    "direction_not_found",
                    "interventions");
  }
  values = Json{{"name", hash}};
}

// Wherever it stands: what a later version of the format may read as a file's path.
void refuse_files(const Json& json) {
  for (const auto& [key, value] : json.items()) {
    if (json.is_object() &&
        (key == "trace" || key == "safetensors" || key == "npy" || key == "gguf" ||
         key == "direction" || key == "file" || key == "sae")) {
      throw HttpError(400,
                      "interventions: \"" + key + "\": files of this machine are not for clients",
                      "invalid_interventions",
                      "interventions");
    }
    if (value.is_structured()) {
      refuse_files(value);
    }
  }
}

}  // namespace

Json intervention_field(BodyFields& fields, const RequestContext& context) {
  const Json* given = fields.find("interventions");
  if (given == nullptr) {
    return nullptr;
  }
  if (!given->is_object()) {
    fields.fail(
        "interventions",
        "a document {\"version\": 1, \"interventions\": […]} (data/interventions.schema.json)");
  }
  Json document = *given;
  for (auto& [key, list] : document.items()) {
    if (!list.is_array()) {
      continue;
    }
    if (list.size() > context.limits.edits) {
      throw HttpError(
          413,
          fmt::format(
              "{} interventions are more than the {} allowed", list.size(), context.limits.edits));
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      Json& edit = list[i];
      if (edit.is_object() && edit.contains("values") && edit["values"].is_object()) {
        name_direction(
            edit["values"], fmt::format("interventions: intervention {}", i), context.directions);
      }
    }
  }
  refuse_files(document);
  return document;
}

}  // namespace headscope
