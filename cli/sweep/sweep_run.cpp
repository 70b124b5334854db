#include "cli/sweep/sweep_run.h"

#include <algorithm>

#include "analyses/sweep/task_input.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/sweep/result_view.h"
#include "cli/sweep/sweep_progress.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/error_context.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

void check(const SweepVerbOptions& options) {
  if (options.out.empty() && (options.resume || options.overwrite || !options.shard.empty())) {
    throw UsageError("--resume, --overwrite and --shard speak of a file: name it with -o");
  }
  if (options.repeats > 1 && !options.out.empty()) {
    throw UsageError("--repeats is a benchmark in memory; leave out -o");
  }
}

// `what` took so long: nothing where there is one thing alone.
std::string seconds_text(const std::string& what, std::vector<double> seconds) {
  if (seconds.empty()) {
    return "";
  }
  std::sort(seconds.begin(), seconds.end());
  const std::string fastest = format_seconds(seconds.front());
  return seconds.size() == 1 ? fmt::format("{}took {}\n", what, fastest)
                             : fmt::format("{}took {} at least, {} in the median of {} runs\n",
                                           what,
                                           fastest,
                                           format_seconds(seconds[seconds.size() / 2]),
                                           seconds.size());
}

void show_outcome(const Invocation& invocation,
                  const SweepVerbOptions& options,
                  const SweepOutcome& outcome,
                  const Appendix& appendix) {
  OrderedJson json = result_json(outcome.result, options.per_prompt, options.top);
  json["seconds"] = outcome.seconds;
  if (!appendix.json.is_null()) {
    json.update(appendix.json);
  }
  show(invocation,
       json,
       result_text(outcome.result, options.top) + "\n" + appendix.text +
           seconds_text(appendix.text.empty() ? "" : "the estimate ", outcome.seconds));
}

SweepJobOptions job_options(const SweepVerbOptions& options, const Model& model) {
  SweepJobOptions job{.out = options.out,
                      .if_exists = options.overwrite ? IfExists::replace
                                   : options.resume  ? IfExists::resume
                                                     : IfExists::fail,
                      .shard = options.shard,
                      .repeats = options.repeats,
                      .memory = memory_for(options.memory, model),
                      .memory_if_begun = memory_if_begun(options.memory, model)};
  job.stop = interrupted;
  job.watch = sweep_progress_bar;
  return job;
}

}  // namespace

std::int64_t memory_for(const std::string& option, const Model& model) {
  return option.empty() ? free_memory(model.device()) / 10 * 7
                        : with_context("--memory", [&] { return parse_bytes(option); });
}

std::int64_t memory_if_begun(const std::string& option, const Model& model) {
  return option.empty() ? free_memory(model.device()) / 10 * 9 : memory_for(option, model);
}

void run_sweep_verb(const Invocation& invocation, SweepVerbRun& run) {
  const SweepVerbOptions& options = run.options;
  SweepMethod& method = *run.method;
  check(options);
  method.request.seed = invocation.common.seed;
  method.open();
  method.check_files(options.model);
  catch_interrupts();
  const Model model = load_with(
      options.model, invocation.common, method.request.intervene, method.request.attention);
  refuse_chosen_prompts(model, "a sweep");
  const Task task = task_for(model, method.request.task, method.request.task_options());
  const SweepJobOptions asked = job_options(options, model);
  SweepJob job(model, task, method, {invocation.command_line, invocation.common.seed}, asked);
  job.check();  // --overwrite must not cost a file that a typo then does not replace
  const SweepOutcome outcome = job.run({});
  if (!outcome.finished) {
    print_note(
        options.out.empty()
            ? "interrupted; with -o FILE nothing would be lost"
            : fmt::format("{} holds every finished cell; --resume does the others", options.out));
    throw Interrupted();
  }
  const Appendix appendix = run.appendix ? run.appendix(job.in_hand(), outcome.result) : Appendix{};
  show_outcome(invocation, options, outcome, appendix);
}

}  // namespace headscope
