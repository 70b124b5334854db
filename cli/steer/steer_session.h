// What steer eval and sweep begin with: a model, edits, a task and plain text.
#pragma once

#include <vector>

#include "analyses/steering/neutral_text.h"
#include "analyses/steering/steer_data.h"
#include "cli/steer/steer_options.h"
#include "cli/verb.h"
#include "hooks/intervention.h"
#include "lib/model/model.h"

namespace headscope {

struct SteerSession {
  Model model;
  std::vector<Intervention> edits;
  SteerData task;
  NeutralText neutral;
};

// Throws UsageError for a file that was not named, and for --run corrupted of what is no task.
SteerSession open_steer_session(const SteerOptions& options, const Invocation& invocation);

}  // namespace headscope
