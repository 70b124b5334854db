// headscope record: prompts through a model, hook points to a trace file.
#include <algorithm>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "analyses/metric/metric.h"
#include "analyses/sweep/task_input.h"
#include "analyses/sweep/task_recording.h"
#include "cli/choices.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/prompt_options.h"
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
};

// One run of a task's items; their gradients are those of `metric`, if there is one.
RecordResult run_task(const Model& model,
                      const RecordArguments& options,
                      const Metric* metric,
                      RecordOptions record) {
  const auto unfit = options.task.skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail;
  const Task task =
      task_for(model, options.task.file, {.bos = options.prompts.bos, .unfit = unfit});
  const TaskRecording recording = task_recording(task, parse_run(options.task.run), metric, model);
  record.objective = recording.objective;
  record.provenance["identity"].update(recording.identity);
  return record_with_progress(model, recording.prompts, options.out, record);
}

RecordResult run_changed(const Model& model,
                         const RecordArguments& options,
                         const Invocation& invocation) {
  const CommonOptions& common = invocation.common;
  RecordOptions record = options.record;
  record.if_exists = options.overwrite ? IfExists::replace
                     : options.resume  ? IfExists::resume
                                       : IfExists::fail;
  record.provenance = provenance(model,
                                 {.command_line = invocation.command_line,
                                  .seed = common.seed,
                                  .prepend_bos = options.prompts.bos});
  const bool gradients =
      std::any_of(record.hooks.begin(), record.hooks.end(), [](const std::string& hook) {
        return hook.ends_with("_grad");
      });
  if (!options.task.file.empty()) {
    return run_task(
        model, options, gradients ? &find_metric(options.task.metric) : nullptr, record);
  }
  if (gradients) {
    throw UsageError(
        "hooks that end in _grad are gradients of a task's metric: give --task FILE (and --metric) "
        "in place of prompts");
  }
  return record_with_progress(model,
                              prompts_of(options.prompts,
                                         model,
                                         "record needs prompts: --prompts FILE.jsonl, --prompt "
                                         "TEXT or --task FILE.jsonl"),
                              options.out,
                              record);
}

RecordResult run(const RecordArguments& options, const Invocation& invocation) {
  const Model model =
      load_with(options.model, invocation.common, options.intervene, options.attention);
  const RecordResult result = run_changed(model, options, invocation);
  if (result.stopped || result.done_before > 0) {  // what it chooses may have been done before
    return result;
  }
  try {
    check_fired(model);
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
        return [options, &invocation] {
          const RecordResult result = run(*options, invocation);
          show(invocation, to_json(result, *options), to_text(result, *options));
          if (result.stopped) {
            print_note("the trace holds every finished prompt; --resume records the others");
            throw Interrupted();
          }
        };
      },
  };
}

}  // namespace headscope
