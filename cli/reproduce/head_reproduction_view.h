// What a published result about heads looks like in a model: tables, JSON, a section of a page.
#pragma once

#include <string>

#include "analyses/head_detectors/published.h"
#include "cli/render/report.h"
#include "lib/base/json_fwd.h"
#include "lib/model/model.h"

namespace headscope {

// The papers' numbers; what the model at hand gives for the same stands in a column of its own, and
// numbers of models that are not at hand beside an empty one.
Table published_numbers_table(const HeadResult& result, const Model& model);

std::string head_result_text(const HeadResult& result, const Model& model);
OrderedJson head_result_json(const HeadResult& result, const Model& model);
void add_head_result(Report& report, const HeadResult& result, const Model& model);

}  // namespace headscope
