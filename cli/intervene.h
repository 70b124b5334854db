// --intervene: the same analysis of a changed model. Verbs that take it load their model here.
#pragma once

#include <string>

#include "cli/common_options.h"

namespace headscope {

void add_intervene(CLI::App& app, std::string& file);

// The model, changed by the interventions of `file`; empty: as it is.
Model load_with(const std::string& name, const CommonOptions& common, const std::string& file);

// After the last pass: throws UsageError naming an intervention that never changed anything.
void check_fired(const Model& model);

}  // namespace headscope
