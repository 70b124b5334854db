#include "cli/intervene.h"

#include <CLI/CLI.hpp>

#include "cli/output.h"
#include "hooks/standing_interventions.h"
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "lib/model/attention_plan.h"

namespace headscope {

void add_intervene(CLI::App& app, std::string& file) {
  app.add_option("--intervene",
                 file,
                 "Change the model first: a JSON file of interventions "
                 "(data/interventions.schema.json)")
      ->check(names_a_file);
}

void add_attention(CLI::App& app, std::string& plan) {
  app.add_option("--attention",
                 plan,
                 "Put operators in the place of heads first: a plan of attention (JSON; headscope "
                 "operator list shows what there is)")
      ->check(names_a_file);
}

void add_kv_cache(CLI::App& app, std::string& kept) {
  app.add_option(
         "--kv-cache",
         kept,
         "plan: heads that see the first and the last tokens alone (streaming, window) keep "
         "no others; whole: every head keeps all, for interventions on scores and patterns")
      ->check(CLI::IsMember({"plan", "whole"}))
      ->capture_default_str();
}

KvKept kv_kept(const std::string& kept) {
  return kept == "whole" ? KvKept::whole : KvKept::by_plan;
}

Model with_plan(const Model& model, const std::string& attention) {
  if (attention.empty()) {
    return model;
  }
  const auto plan = read_attention_plan(attention, model);
  for (const std::string& line : plan->untrained()) {
    print_note(attention + ": " + line);
  }
  return with_attention(model, plan);
}

Model load_with(const std::string& name,
                const CommonOptions& common,
                const std::string& interventions,
                const std::string& attention) {
  const Model loaded = load_model(name, load_options(common));
  const Model model = with_plan(loaded, attention);
  return interventions.empty() ? model : intervened(model, interventions);
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
