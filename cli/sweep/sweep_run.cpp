#include "cli/sweep/sweep_run.h"

#include <algorithm>

#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/sweep/result_view.h"
#include "cli/sweep/sweep_job.h"
#include "cli/sweep/sweep_session.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

void check(const SweepVerbOptions& options) {
  if (options.out.empty() && (options.resume || options.overwrite || !options.shard.empty())) {
    throw UsageError("--resume, --overwrite and --shard speak of a file: name it with -o");
  }
  if (options.repeats > 1 && !options.out.empty()) {
    throw UsageError("--repeats is a benchmark in memory; leave out -o");
  }
  find_metric(options.metric);  // before the model is loaded
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

void run_alone(const Invocation& invocation,
               const SweepVerbOptions& options,
               const SweepVerb& verb) {
  catch_interrupts();
  const Model model = load_with(options.model, invocation.common, options.intervene);
  refuse_chosen_prompts(model, "a sweep");
  const Task task = read_task_of(options, model);
  SweepJob job(model, task, invocation, options, verb);
  const SweepOutcome outcome = job.run({});
  if (!outcome.finished) {
    print_note(
        options.out.empty()
            ? "interrupted; with -o FILE nothing would be lost"
            : fmt::format("{} holds every finished cell; --resume does the others", options.out));
    throw Interrupted();
  }
  const Appendix appendix = job.appendix(outcome.result);
  // Of a sweep gone on with, or of stored passes, it may have come to pass before.
  if (outcome.start == SweepOutcome::Start::fresh && verb.passes == SweepVerb::Passes::made) {
    check_fired(model);
  }
  show_outcome(invocation, options, outcome, appendix);
}

void run_in(SweepSession& session,
            const Invocation& invocation,
            const SweepVerbOptions& options,
            const SweepVerb& verb) {
  const Model& model = session.model(options);
  refuse_chosen_prompts(model, "a sweep");
  const Task& task = session.task(options);
  SweepJob job(model, task, invocation, options, verb);
  if (session.stage == SweepSession::Stage::check) {
    job.check();
    return;
  }
  session.outcome = job.run([&] {
    return &session.baselines(
        model, task, find_metric(options.metric), memory_for(options.memory, model));
  });
  if (session.outcome.finished && session.outcome.start == SweepOutcome::Start::fresh) {
    check_fired(model);
  }
}

}  // namespace

void run_sweep_verb(const Invocation& invocation,
                    const SweepVerbOptions& options,
                    const SweepVerb& verb) {
  check(options);
  if (invocation.session != nullptr) {
    run_in(*invocation.session, invocation, options, verb);
  } else {
    run_alone(invocation, options, verb);
  }
}

}  // namespace headscope
