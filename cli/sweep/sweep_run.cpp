#include "cli/sweep/sweep_run.h"

#include <algorithm>

#include "analyses/cluster/rank_group.h"
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

// Which part this is, and its file where the output is a folder of parts: "3-of-64.h5".
void settle_shard(SweepVerbOptions& options) {
  if (options.shard == "auto") {
    options.shard = shard_of_process();
  }
  if (options.out.ends_with('/')) {
    if (options.shard.empty()) {
      throw UsageError(
          "-o {}: is a folder, which only --shard I/N or --shard auto fill; name a file",
          options.out);
    }
    std::string name = options.shard;
    name.replace(name.find('/'), name.find('/') < name.size() ? 1 : 0, "-of-");
    options.out += name + ".h5";
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
  const PerPrompt per_prompt = options.per_prompt ? PerPrompt::told : PerPrompt::left_out;
  OrderedJson json = result_json(outcome.result, per_prompt, options.top);
  json["seconds"] = outcome.seconds;
  if (!appendix.json.is_null()) {
    json.update(appendix.json);
  }
  show(invocation,
       json,
       result_text(outcome.result, options.top) + "\n" + appendix.text +
           seconds_text(appendix.text.empty() ? "" : "the estimate ", outcome.seconds));
}

// Ranks of one host share its memory, but each has its GPU.
std::int64_t share_of_memory(std::int64_t memory, const Model& model, const RankGroup* ranks) {
  return ranks == nullptr || model.device().is_cuda() ? memory : memory / ranks->place().local_size;
}

SweepJobOptions job_options(const SweepVerbOptions& options, const Model& model, RankGroup* ranks) {
  SweepJobOptions job{.out = options.out,
                      .if_exists = options.overwrite ? IfExists::replace
                                   : options.resume  ? IfExists::resume
                                                     : IfExists::fail,
                      .shard = options.shard,
                      .ranks = ranks,
                      .repeats = options.repeats,
                      .memory = memory_for(options.memory, model),
                      .memory_if_begun = memory_if_begun(options.memory, model)};
  if (options.memory.empty()) {
    job.memory = share_of_memory(job.memory, model, ranks);
    job.memory_if_begun = share_of_memory(job.memory_if_begun, model, ranks);
  }
  if (ranks != nullptr && ranks->place().restarts > 0) {
    job.if_exists = IfExists::resume;  // the launcher started all anew, --overwrite with them
  }
  job.stop = interrupted;
  if (ranks == nullptr) {
    job.watch = sweep_progress_bar;
  } else {
    job.watch_ranks = bar_of_ranks(*ranks, "blocks");
  }
  return job;
}

// Notes what an interrupted sweep left behind, and throws Interrupted.
void check_finished(const SweepOutcome& outcome, const std::string& out) {
  if (!outcome.finished) {
    print_note(out.empty()
                   ? "interrupted; with -o FILE nothing would be lost"
                   : fmt::format("{} holds every finished cell; --resume does the others", out));
    throw Interrupted();
  }
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
  SweepVerbOptions& options = run.options;
  SweepMethod& method = *run.method;
  settle_shard(options);
  check(options);
  method.request.seed = invocation.common.seed;
  method.open();
  method.check_files(options.model);
  if (!options.ranks.devices.empty() && !options.shard.empty()) {
    throw UsageError("--devices shares all cells among ranks: leave out --shard");
  }
  if (ran_on_devices(options.ranks, options.out)) {
    return;
  }
  catch_interrupts();
  // Before the weights are read: a rank that takes longer over them is known to be alive.
  const std::unique_ptr<RankGroup> ranks =
      options.shard.empty() ? join_ranks(options.ranks, invocation.common, options.out) : nullptr;
  const Model model = load_with(
      options.model, invocation.common, method.request.intervene, method.request.attention);
  refuse_chosen_prompts(model, "a sweep");
  const Task task = task_for(model, method.request.task, method.request.task_options());
  const SweepJobOptions asked = job_options(options, model, ranks.get());
  SweepJob job(model, task, method, {invocation.command_line, invocation.common.seed}, asked);
  job.check();  // --overwrite must not cost a file that a typo then does not replace
  const SweepOutcome outcome = job.run({});
  if (ranks && outcome.finished && outcome.merged_by != ranks->place().rank) {
    if (ranks->serves()) {
      ranks->leave_last();
    }
    return;  // the one that merged tells of it
  }
  check_finished(outcome, options.out);
  const Appendix appendix = run.appendix ? run.appendix(job.planned(), outcome.result) : Appendix{};
  show_outcome(invocation, options, outcome, appendix);
  if (ranks && (ranks->serves() || !ranks->place().meeting_folder.empty())) {
    finish_output();  // now: a rank that was killed is waited for
    ranks->leave_last();
  }
}

}  // namespace headscope
