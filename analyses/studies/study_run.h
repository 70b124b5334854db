// A study, step by step, with a log of what is finished: a run that was stopped goes on.
#pragma once

#include <filesystem>

#include "analyses/studies/study.h"
#include "hooks/stored/if_exists.h"

namespace headscope {

struct StudyLogOptions {
  std::filesystem::path path;  // JSON lines (hooks/stored/line_log.h); empty: no log
  Json identity;               // what must agree for a run to go on
  IfExists if_exists = IfExists::replace;
  // `done` of `total` steps are; what comes is called `step`.
  std::function<void(const std::string& step, std::size_t done, std::size_t total)> progress = {};
};

// What must agree for a study to go on: that of a run of `model` (provenance["identity"]), the
// study's name and its options.
Json study_identity(const Study& study, const StudyOptions& options, const Json& of_model);

// Throws what LineLog and the steps do; Interrupted between steps if options.stop says so.
StudyResult run_study(const Study& study,
                      const Model& model,
                      const StudyOptions& options,
                      const StudyLogOptions& log);

}  // namespace headscope
