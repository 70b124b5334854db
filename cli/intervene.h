// --intervene: the same analysis of a changed model. Verbs that take it load their model here.
#pragma once

#include <string>

#include "cli/common_options.h"
#include "lib/base/json_fwd.h"

namespace headscope {

void add_intervene(CLI::App& app, std::string& file);

// The model, changed by the interventions of `file`; empty: as it is.
Model load_with(const std::string& name, const CommonOptions& common, const std::string& file);

// After the last pass: throws UsageError naming an intervention that never changed anything.
void check_fired(const Model& model);

// How often each part of a change fired: [{"edit": …, "values": …}]; null for no change.
OrderedJson fired_json(const StandingChange* change);

}  // namespace headscope
