// headscope train: a small transformer from scratch.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "analyses/training/train_run.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/page_policy.h"
#include "cli/render/progress.h"
#include "cli/train/train_view.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

struct TrainArguments {
  std::string spec;
  std::string out;
  std::int64_t save_every = 200;
  bool resume = false;
  bool overwrite = false;
};

TrainSpec spec_asked_for(const TrainArguments& options, std::optional<std::uint64_t> seed) {
  const bool is_file = path_exists(options.spec);
  return read_train_spec(is_file ? read_json(options.spec) : own_train_spec(options.spec),
                         is_file ? options.spec : "data/train/" + options.spec + ".json",
                         seed);
}

IfExists what_to_do_with(const TrainArguments& options) {
  if (options.resume && options.overwrite) {
    throw UsageError("--resume and --overwrite: one of them");
  }
  return options.resume ? IfExists::resume : options.overwrite ? IfExists::replace : IfExists::fail;
}

void show_training(const TrainResult& result,
                   const TrainSpec& spec,
                   const TrainArguments& options,
                   const Invocation& invocation) {
  const TrainLine& last = result.log.back();
  const double rate =
      result.seconds > 0 ? static_cast<double>(result.tokens) / result.seconds : 0.0;
  const Table table = last_losses(last);
  show(invocation,
       {{"path", options.out},
        {"spec", spec.name},
        {"steps", result.steps},
        {"resumed_at", result.resumed_at},
        {"tokens", result.tokens},
        {"seconds", result.seconds},
        {"loss", last.loss},
        {"groups", table.json()}},
       table.text() + "\n" +
           facts({{"model", options.out},
                  {"steps", grouped(result.steps)},
                  {"loss", fmt::format("{:.4f} at the last step", last.loss)},
                  {"speed", fmt::format("{} tokens/s", grouped(static_cast<std::int64_t>(rate)))},
                  {"log", options.out + "/log.jsonl"},
                  {"page", options.out + "/index.html"}}));
}

void train(const TrainArguments& options,
           std::optional<std::uint64_t> seed,
           const Invocation& invocation) {
  if (options.out.empty()) {
    throw UsageError("train needs -o DIRECTORY, where the model is to lie");
  }
  const TrainSpec spec = spec_asked_for(options, seed);
  check_output_folder(options.out);
  check_page_output(std::filesystem::path(options.out) / "index.html");
  if (invocation.common.weights == WeightStorage::packed) {
    throw UsageError("weights that are trained are not packed; leave out --weights");
  }
  if (invocation.common.dtype != DType::f32) {
    throw UsageError("models are trained in f32; leave out --dtype");
  }
  use_backend(invocation.common.device);
  catch_interrupts();
  TrainRun run{.spec = &spec,
               .folder = options.out,
               .device = invocation.common.device,
               .save_every = options.save_every,
               .if_exists = what_to_do_with(options),
               .command_line = invocation.command_line};
  Progress bar(spec.steps, {.label = "training", .unit = "steps"});
  std::int64_t drawn = -1;
  run.stop = interrupted;
  run.progress = [&](std::int64_t done, std::int64_t) {
    drawn < 0 ? bar.begin_at(done) : bar.add(done - drawn);
    drawn = done;
  };
  const TrainResult result = train_model(run);
  write_train_page(options.out, spec, result.log, invocation.command_line);
  show_training(result, spec, options, invocation);
}

}  // namespace

Verb train_verb() {
  return {
      .name = "train",
      .summary = "Train a small transformer from scratch, as a JSON spec says it",
      .example =
          "  headscope train induction -o induction/ --threads 1\n"
          "  headscope detect induction/ --detectors induction,previous_token\n"
          "  headscope train my_spec.json -o mine/ --device cuda\n"
          "\n"
          "SPEC is a file (data/TRAIN_FORMAT.md: task, model, optimizer, steps, seed; a field that "
          "nobody reads is\n"
          "an error) or one of the program's own. The folder is a model that every verb reads, "
          "with "
          "checkpoints/step-N\n"
          "beside it, log.jsonl (loss, and that of each kind of position apart), train.json (the "
          "spec) and index.html\n"
          "(the curves). Ctrl-C and kill -9 leave a state: --resume ends with the weights of a run "
          "never stopped\n"
          "(--threads 1, the same machine).",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<TrainArguments>();
        app.add_option("SPEC",
                       options->spec,
                       fmt::format("A JSON file, or {}", fmt::join(own_train_specs(), ", ")))
            ->required();
        app.add_option("-o,--output", options->out, "The directory to make")->check(names_a_file);
        app.add_option("--save-every",
                       options->save_every,
                       "Steps between states that --resume goes on from")
            ->check(CLI::Range(1, 1 << 30))
            ->capture_default_str();
        app.add_flag("--resume", options->resume, "Go on with a run that was stopped or killed");
        app.add_flag("--overwrite", options->overwrite, "Train anew over what lies there");
        return [options, &app, &invocation] {
          const bool seeded = was_given(app, "seed");
          train(
              *options, seeded ? std::optional(invocation.common.seed) : std::nullopt, invocation);
        };
      },
  };
}

}  // namespace headscope
