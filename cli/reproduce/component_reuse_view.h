// What setting the attention of one task's heads did to another task: tables, JSON, a section of a
// page.
#pragma once

#include <string>

#include "analyses/circuit/component_reuse.h"
#include "cli/render/report.h"
#include "cli/render/table.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// Of each run and of the random ones together: accuracy, logit difference, errors that are new.
Table reuse_runs_table(const ComponentReuse& result);

// Where each mover looks, as it is, with all set, and with random heads set.
Table reuse_movers_table(const ComponentReuse& result);

// One sentence: whether accuracy rose, and whether random heads do the same.
std::string reuse_verdict(const ComponentReuse& result);

std::string reuse_text(const ComponentReuse& result);
OrderedJson reuse_json(const ComponentReuse& result);
void add_reuse(Report& report, const ComponentReuse& result);

}  // namespace headscope
