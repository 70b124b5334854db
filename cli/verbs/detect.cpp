// headscope detect: what every head of a model does.
#include <CLI/CLI.hpp>

#include "analyses/head_detectors/detector.h"
#include "cli/atlas/detect_run.h"
#include "cli/choices.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"

namespace headscope {
namespace {

void add_options(CLI::App& app, DetectVerbOptions& options) {
  app.add_option("MODEL", options.model, "Directory, .gguf file, hub id or smollm2");
  app.add_option("--detectors",
                 options.detectors,
                 "Names with commas between, or all: " + names_of(all_detectors()))
      ->delimiter(',')
      ->default_str("all");
  app.add_option("--detector-file", options.files, "A detector of your own (.json); several");
  app.add_flag("--list", options.list, "Show every detector, and do nothing");
  auto* trace = app.add_option(
      "--trace",
      options.trace,
      "A trace (headscope record) of the prompts that detectors read attention on, with their "
      "patterns or statistics, read instead of run");
  app.add_option("--write-prompts",
                 options.write_prompts,
                 "Write those prompts (.jsonl) for headscope record, and do nothing else")
      ->check(names_an_output)
      ->excludes(trace);
  app.add_option("--seeds", options.seeds, "Prompts are drawn once a seed, from --seed on")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_output(app, options.out, "The atlas to write (.h5)");
  app.add_flag("--resume", options.resume, "Go on with the file: finished detectors stay");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file");
  app.add_flag("--confirm",
               options.confirm,
               "Ablate the highest heads of each role and random ones: does the behaviour drop?");
  app.add_option("--confirm-heads", options.confirmation.heads, "Heads ablated together")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000}))
      ->capture_default_str();
  app.add_option("--draws", options.confirmation.draws, "Random sets of heads to compare with")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--batch-tokens", options.batch_tokens, "Tokens in one forward pass")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--top", options.top, "Heads to list a detector")->capture_default_str();
  add_intervene(app, options.intervene);
  add_rank_options(app, options.ranks);
}

void check_read(const CLI::App& app, const DetectVerbOptions& options) {
  if (options.list) {
    refuse_unread(app, "detect --list", {"list"});
  }
  if (!options.write_prompts.empty()) {
    refuse_unread(app,
                  "detect --write-prompts",
                  {"MODEL", "detectors", "detector-file", "seeds", "write-prompts"});
  }
  if (!options.confirm) {
    refuse_without(app, {"confirm-heads", "draws"}, "--confirm");
  }
  if (options.out.empty()) {
    refuse_without(app, {"overwrite"}, "-o FILE");
  }
}

}  // namespace

Verb detect_verb() {
  return {
      .name = "detect",
      .summary = "What every head does: scores of all detectors, with intervals and controls",
      .example =
          "  headscope detect smollm2 -o atlas.h5 --confirm\n"
          "  headscope atlas atlas.h5 -o atlas.html\n"
          "  headscope detect smollm2 --detectors induction,first_token_sink --seeds 5\n"
          "  headscope detect smollm2 --detectors induction --detector-file mover.json\n"
          "  headscope detect smollm2 --detectors induction,first_token_sink --write-prompts "
          "probes.jsonl\n"
          "  headscope record smollm2 --prompts probes.jsonl --hooks "
          "'blocks.*.attn.hook_pattern' --logits none -o probes.h5\n"
          "  headscope detect smollm2 --detectors induction,first_token_sink --trace probes.h5\n"
          "\n"
          "Detectors that read attention share one pass over shared prompts. A head has a role if "
          "its\nscore reaches the threshold and its interval lies above the control. With -o every "
          "finished\ndetector is on disk; --resume does the others. A detector that is undefined "
          "for the model\nsays why, the others run, and the exit code is 3; so it is with one that "
          "fails, and the exit code\nis the failure's. Off a terminal every step and every "
          "finished "
          "detector is a line on standard error.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<DetectVerbOptions>();
        add_options(app, *options);
        return [options, &app, &invocation] {
          check_read(app, *options);
          run_detect(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
