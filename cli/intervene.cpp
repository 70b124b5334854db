#include "cli/intervene.h"

#include <CLI/CLI.hpp>

#include "hooks/standing_interventions.h"
#include "lib/base/json.h"
#include "lib/families/load.h"

namespace headscope {

void add_intervene(CLI::App& app, std::string& file) {
  app.add_option("--intervene",
                 file,
                 "Change the model first: a JSON file of interventions "
                 "(data/interventions.schema.json)")
      ->check(names_a_file);
}

Model load_with(const std::string& name, const CommonOptions& common, const std::string& file) {
  Model model = load_model(name, {.device = common.device, .dtype = common.dtype});
  return file.empty() ? model : intervened(model, file);
}

void check_fired(const Model& model) {
  if (model.standing()) {
    model.standing()->check_fired();
  }
}

OrderedJson fired_json(const StandingChange* change) {
  if (change == nullptr) {
    return nullptr;
  }
  OrderedJson json = OrderedJson::array();
  for (const StandingChange::Fired& part : change->fired()) {
    json.push_back({{"edit", part.part}, {"values", part.values}});
  }
  return json;
}

}  // namespace headscope
