// --intervene and --attention: the same analysis of a changed model. Verbs that take them load
// their model here.
#pragma once

#include <string>

#include "cli/common_options.h"
#include "lib/base/json_fwd.h"
#include "lib/generate/generate.h"

namespace headscope {

void add_intervene(CLI::App& app, std::string& file);

void add_attention(CLI::App& app, std::string& plan);

// --kv-cache plan|whole: whether heads of the plan that see the first and the last tokens alone
// keep no others while texts are written.
void add_kv_cache(CLI::App& app, std::string& kept);
KvKept kv_kept(const std::string& kept);

// The model, changed by the interventions of one file and by the plan of attention of another;
// empty: as it is.
Model load_with(const std::string& name,
                const CommonOptions& common,
                const std::string& interventions,
                const std::string& attention = {});

// The model with the plan of a file in its attention. What models are to be trained with, and this
// one was not, is said on standard error; empty: as it is.
Model with_plan(const Model& model, const std::string& attention);

// After the last pass: throws UsageError naming an intervention that never changed anything.
void check_fired(const Model& model);

// How often each part of a change fired: [{"edit": …, "values": …}]; null for no change.
OrderedJson fired_json(const StandingChange* change);

}  // namespace headscope
