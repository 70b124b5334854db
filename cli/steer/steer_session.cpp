#include "cli/steer/steer_session.h"

#include "hooks/intervention_json.h"
#include "lib/base/error.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

SteerData of_run(SteerData task, const std::string& run) {
  for (SteerItem& item : task.items) {
    if (run == "corrupted" && !item.corrupted) {
      throw UsageError("{}: --run corrupted is of a task, whose items have two prompts", task.path);
    }
    if (run == "corrupted") {
      item.prompt = *item.corrupted;
    }
  }
  return task;
}

}  // namespace

SteerSession open_steer_session(const SteerOptions& options, const Invocation& invocation) {
  if (options.words.size() != 1 || options.edits.empty() || options.task.empty()) {
    throw UsageError("steer {} MODEL --edits edits.json --task FILE", options.what);
  }
  const std::vector<Intervention> edits = read_interventions(options.edits);
  const Model model = load_model(options.words[0], load_options(invocation.common));
  return {model,
          edits,
          of_run(read_steer_data(options.task, model, options.bos), options.run),
          NeutralText(model, options.text, options.text_tokens)};
}

}  // namespace headscope
