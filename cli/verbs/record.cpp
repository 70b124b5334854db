// headscope record: prompts through a model, hook points to a trace file.
#include <algorithm>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "analyses/cluster/record_ranks.h"
#include "analyses/metric/metric.h"
#include "analyses/sweep/task_input.h"
#include "analyses/sweep/task_recording.h"
#include "cli/choices.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/prompt_options.h"
#include "cli/ranks.h"
#include "cli/render/table.h"
#include "cli/trace/record_run.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"

namespace headscope {
namespace {

struct RecordTaskArguments {
  std::string file;  // a task file; empty: none
  std::string run = "clean";
  std::string metric = "logit_diff";
  bool skip_unfit = false;
};

struct RecordArguments {
  std::string model;
  PromptArguments prompts;
  std::string out;
  std::string intervene;
  std::string attention;
  bool resume = false;
  bool overwrite = false;
  RecordTaskArguments task;
  RecordOptions record;
  RankOptions ranks{};
};

// Prompts and all that is asked of them; what they point at lives as long.
struct Recordable {
  Model model;
  std::vector<Prompt> prompts;
  RecordOptions record;
};

// One run of a task's items; their gradients are those of `metric`, if there is one.
void take_task(Recordable& it, const RecordArguments& options, const Metric* metric) {
  const auto unfit = options.task.skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail;
  const Task task =
      task_for(it.model, options.task.file, {.bos = options.prompts.bos, .unfit = unfit});
  TaskRecording recording = task_recording(task, parse_run(options.task.run), metric, it.model);
  it.record.objective = std::move(recording.objective);
  it.record.provenance["identity"].update(recording.identity);
  it.prompts = std::move(recording.prompts);
}

Recordable recordable(const RecordArguments& options, const Invocation& invocation) {
  Recordable it{load_with(options.model, invocation.common, options.intervene, options.attention),
                {},
                options.record};
  it.record.if_exists = options.overwrite ? IfExists::replace
                        : options.resume  ? IfExists::resume
                                          : IfExists::fail;
  it.record.provenance = provenance(it.model,
                                    {.command_line = invocation.command_line,
                                     .seed = invocation.common.seed,
                                     .prepend_bos = options.prompts.bos});
  const bool gradients = std::ranges::any_of(
      it.record.hooks, [](const auto& hook) { return hook.ends_with("_grad"); });
  if (!options.task.file.empty()) {
    take_task(it, options, gradients ? &find_metric(options.task.metric) : nullptr);
    return it;
  }
  if (gradients) {
    throw UsageError(
        "hooks that end in _grad are gradients of a task's metric: give --task FILE (and --metric) "
        "in place of prompts");
  }
  it.prompts = prompts_of(options.prompts,
                          it.model,
                          "record needs prompts: --prompts FILE.jsonl, --prompt TEXT or --task "
                          "FILE.jsonl");
  return it;
}

RecordResult run(const RecordArguments& options, const Invocation& invocation) {
  const Recordable it = recordable(options, invocation);
  const RecordResult result = record_with_progress(it.model, it.prompts, options.out, it.record);
  if (result.stopped || result.done_before > 0) {  // what it chooses may have been done before
    return result;
  }
  try {
    check_fired(it.model);
  } catch (...) {  // the trace would read as one of a model changed in this way
    std::error_code ignored;
    std::filesystem::remove(options.out, ignored);
    throw;
  }
  return result;
}

OrderedJson to_json(const RecordResult& result, const RecordArguments& options) {
  return {{"path", options.out},
          {"prompts", result.prompts},
          {"done_before", result.done_before},
          {"recorded_now", result.recorded_now},
          {"bytes", result.bytes},
          {"seconds", result.seconds},
          {"complete", !result.stopped}};
}

std::string to_text(const RecordResult& result, const RecordArguments& options) {
  return fmt::format(
      "{}: {} recorded{}, {} of values in {}\n",
      options.out,
      counted(result.recorded_now, "prompt"),
      result.done_before > 0 ? fmt::format(", {} were there already", result.done_before) : "",
      format_bytes(result.bytes),
      format_seconds(result.seconds));
}

void show_recorded(const RecordResult& result,
                   const RecordArguments& options,
                   const Invocation& invocation) {
  show(invocation, to_json(result, options), to_text(result, options));
}

Told record_as_rank(const RecordArguments& options,
                    const Invocation& invocation,
                    RankGroup& ranks) {
  if (!options.intervene.empty()) {
    throw UsageError(
        "record --intervene: whether an intervention ever fires is told by one process alone; "
        "record without ranks");
  }
  Recordable it = recordable(options, invocation);
  it.record.stop = interrupted;
  if (ranks.place().restarts > 0) {
    it.record.if_exists = IfExists::resume;  // the launcher started --overwrite anew with them
  }
  const RankRecordResult mine = record_over_ranks({.model = it.model,
                                                   .prompts = it.prompts,
                                                   .out = options.out,
                                                   .options = it.record,
                                                   .watch = bar_of_ranks(ranks, "batches")},
                                                  ranks);
  if (!mine.joined) {
    return Told::elsewhere;
  }
  show_recorded(mine.result, options, invocation);
  return Told::here;
}

void record_verb_runs(const RecordArguments& options, const Invocation& invocation) {
  if (ran_on_devices(options.ranks, options.out)) {
    return;
  }
  catch_interrupts();
  if (const auto ranks = join_ranks(options.ranks, invocation.common, options.out)) {
    run_as_rank(*ranks, [&] { return record_as_rank(options, invocation, *ranks); });
    return;
  }
  const RecordResult result = run(options, invocation);
  show_recorded(result, options, invocation);
  if (result.stopped) {
    print_note("the trace holds every finished prompt; --resume records the others");
    throw Interrupted();
  }
}

void add_task_options(CLI::App& app, RecordTaskArguments& options) {
  app.add_option("--task",
                 options.file,
                 "A task file (headscope task make) in place of prompts; hooks that end in _grad "
                 "are the metric's gradients")
      ->excludes("--prompts")
      ->excludes("--prompt");
  app.add_option("--run", options.run, "Which prompts of the task")
      ->check(CLI::IsMember({"clean", "corrupted"}))
      ->needs("--task")
      ->capture_default_str();
  app.add_option("--metric", options.metric, "What gradients are of: " + names_of(all_metrics()))
      ->needs("--task")
      ->capture_default_str();
  app.add_flag("--skip-unfit", options.skip_unfit, "Leave out items that do not fit the tokenizer")
      ->needs("--task");
}

void add_options(CLI::App& app, RecordArguments& options) {
  add_model(app, options.model);
  add_prompts(app, options.prompts);
  add_task_options(app, options.task);
  app.add_option("--hooks",
                 options.record.hooks,
                 "A hook point, alias or glob; repeatable. With _grad at its end, the gradient "
                 "there (needs --task)")
      ->allow_extra_args(false);
  app.add_option("--statistics",
                 options.record.statistics.names,
                 "Of every layer's attention, without its pattern: first, entropy, distance, "
                 "columns, top, blocks; commas between")
      ->delimiter(',');
  add_logits(app, options.record.logits);
  add_output(app, options.out, "The trace to write (.h5)")->required();
  app.add_flag("--resume", options.resume, "Continue an unfinished trace");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file")->excludes("--resume");
  add_dtype(app, "--store", options.record.store, "Store values as f32, f16 or bf16");
  app.add_option("--compress", options.record.compress, "Deflate the finished trace, 1–9; 0: not")
      ->check(CLI::Range(0, 9))
      ->capture_default_str();
  app.add_option("--batch-tokens", options.record.batch_tokens, "Tokens in one forward pass")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  add_intervene(app, options.intervene);
  add_attention(app, options.attention);
  add_rank_options(app, options.ranks);
}

}  // namespace

Verb record_verb() {
  return {
      .name = "record",
      .summary = "Run prompts and store hook points in a trace (HDF5)",
      .example =
          "  headscope record smollm2 --prompts prompts.jsonl --hooks "
          "'blocks.*.attn.hook_pattern' --logits last -o trace.h5\n"
          "  headscope record smollm2 --prompt \"Hello world\" --hooks "
          "'blocks.{3,5}.attn.hook_z' -o z.h5\n"
          "  headscope record smollm2 --prompts long.jsonl --statistics entropy,columns,top -o "
          "s.h5\n"
          "  headscope record smollm2 --task ioi.jsonl --hooks 'blocks.*.attn.hook_z*' --hooks "
          "'blocks.*.attn.hook_z_grad' -o grads.h5",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<RecordArguments>();
        add_options(app, *options);
        return [options, &invocation] { record_verb_runs(*options, invocation); };
      },
  };
}

}  // namespace headscope
