#include "analyses/studies/study_run.h"

#include <optional>

#include "hooks/stored/line_log.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr FileKind kStudyLog{
    .format = "headscope-study-steps",
    .version = 1,
    .noun = "log of a reproduction's steps",
    .source = "`headscope reproduce` makes one; delete this or choose another -o",
    .again = "start again without --resume",
    .form = FileKind::Form::lines};

// Steps that the log has, by their keys.
StudyFindings finished(const LineLog& log) {
  StudyFindings found;
  for (std::size_t i = 0; i < log.found().size(); ++i) {
    const Json& line = log.found()[i];
    const bool whole = line.is_object() && line.contains("key") && line["key"].is_string() &&
                       line.contains("found");
    if (!whole) {
      log.refuse_line(i);
    }
    found[line["key"].get<std::string>()] = line["found"];
  }
  return found;
}

}  // namespace

Json study_identity(const Study& study, const StudyOptions& options, const Json& of_model) {
  return {{"model", of_model},
          {"study", study.name},
          {"tasks", options.tasks},
          {"items", options.items},
          {"slow_items", options.slow_items},
          {"test_items", options.test_items},
          {"seeds", options.seeds},
          {"patch_seeds", options.patch_seeds},
          {"acdc_seeds", options.acdc_seeds},
          {"exact", options.exact},
          {"first_seed", options.seed}};
}

StudyResult run_study(const Study& study,
                      const Model& model,
                      const StudyOptions& options,
                      const StudyLogOptions& log) {
  const std::vector<StudyStep> steps = study.steps(model, options);
  std::optional<LineLog> lines;
  StudyFindings found;
  if (!log.path.empty()) {
    lines.emplace(log.path, kStudyLog, log.identity, log.if_exists);
    found = finished(*lines);
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (options.stop && options.stop()) {
      throw Interrupted();
    }
    if (log.progress) {
      log.progress(steps[i].told, i, steps.size());
    }
    if (found.contains(steps[i].key)) {
      continue;
    }
    const Json value = steps[i].run();
    found[steps[i].key] = value;
    if (lines) {
      lines->add({{"key", steps[i].key}, {"found", value}});
    }
  }
  return study.result(model, options, found);
}

}  // namespace headscope
