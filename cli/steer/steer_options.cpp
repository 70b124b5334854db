#include "cli/steer/steer_options.h"

#include <cmath>
#include <cstdlib>

#include <CLI/CLI.hpp>

#include "analyses/steering/steer_method.h"
#include "cli/choices.h"
#include "cli/common_options.h"

namespace headscope {
namespace {

// What every method learns from, and where.
void add_fit_options(CLI::App& app, SteerOptions& options) {
  const char* group = "fit";
  app.add_option("--data", options.data, "Examples (JSONL): see below")->group(group);
  app.add_option("--held-out", options.held_out, "The share of examples that only judge")
      ->check(CLI::Range(0.01, 0.99))
      ->capture_default_str()
      ->group(group);
  SteerSettings& settings = options.settings;
  app.add_option("--top", settings.top, "How many heads, the first of those chosen")->group(group);
  app.add_option("--heads",
                 settings.heads,
                 "lofit, iti: these heads in place of a choice: 23.3,23.0, the folder of another "
                 "direction, or a file with such (FILE.heads.json:10, ATLAS.h5:ROLE, CIRCUIT.json)")
      ->group(group);
  app.add_option("--alpha", settings.alpha, "How strongly; see the method")
      ->check([](const std::string& text) {
        const double value = std::strtod(text.c_str(), nullptr);
        return std::abs(value) < 1e30 ? std::string() : "a finite number is needed, not " + text;
      })
      ->group(group);
  app.add_option("--site", settings.site, "A hook point of a block: hook_resid_post, attn.hook_z")
      ->group(group);
  app.add_option("--layers", settings.layers, "Layers to choose from: 8,12,16; default: all")
      ->delimiter(',')
      ->group(group);
}

// What some methods ask besides.
void add_steer_method_options(CLI::App& app, SteerOptions& options) {
  const char* group = "fit";
  SteerSettings& settings = options.settings;
  app.add_option("--direction", settings.direction, "iti: mass-mean or probe")->group(group);
  app.add_option("--goal", settings.goal, "raise or lower the score")->group(group);
  app.add_option("--span", settings.span, "The part of each prompt that the method is about")
      ->group(group);
  app.add_option("--atlas", settings.atlas, "boost: a file of headscope detect")
      ->check(names_a_file)
      ->group(group);
  app.add_option("--detector", settings.detector, "boost: a role in the atlas")->group(group);
  app.add_option("--steps", settings.steps, "lofit: passes over the examples in each stage")
      ->check(CLI::Range(1, 10000))
      ->group(group);
  app.add_option("--rate", settings.rate, "lofit: Adam's step")->group(group);
  app.add_option("--digits", settings.digits, "successor-shift: last digits FROM:TO, as in 3:7")
      ->group(group);
  app.add_option("--rank", options.rank, "low-rank: how many directions are kept; sweep: at each")
      ->delimiter(',')
      ->check(CLI::Range(1, 65536))
      ->group("fit, sweep");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing direction, or sweep")
      ->group(group);
}

void add_eval_options(CLI::App& app, SteerOptions& options) {
  const char* group = "eval, sweep";
  app.add_option("--edits", options.edits, "Interventions: the edits.json of a direction, or yours")
      ->check(names_a_file)
      ->group(group);
  app.add_option("--task", options.task, "What to judge by (JSONL): pairs, or a task")
      ->check(names_a_file)
      ->group(group);
  app.add_option("--against",
                 options.against,
                 "eval: other interventions to hold these against, item by item; several")
      ->check(names_a_file)
      ->group(group);
  app.add_option("--run", options.run, "Of a task: the clean or the corrupted prompts")
      ->check(CLI::IsMember({"clean", "corrupted"}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--draws", options.draws, "Random counterparts; eval 10, sweep 0")
      ->check(CLI::Range(0, 10000))
      ->default_str("")
      ->group(group);
  app.add_option("--text", options.text, "Neutral text for KL and perplexity; default: our prose")
      ->check(names_a_file)
      ->group(group);
  app.add_option("--text-tokens", options.text_tokens, "Tokens of it that are used")
      ->check(CLI::Range(2, 1000000))
      ->capture_default_str()
      ->group(group);
  app.add_flag("--resume", options.resume, "Go on with a sweep that was stopped")->group(group);
  app.add_option("--strength", options.strengths, "sweep: FIRST:LAST:STEP, or numbers")
      ->capture_default_str()
      ->group(group);
}

}  // namespace

void add_steer_options(CLI::App& app, SteerOptions& options) {
  app.add_option("WHAT", options.what, "list, fit, eval or sweep")
      ->required()
      ->check(CLI::IsMember({"list", "fit", "eval", "sweep"}));
  app.add_option("WORDS",
                 options.words,
                 "list: METHOD, or none; fit: METHOD MODEL; eval, sweep: MODEL. METHOD is one of " +
                     names_of(all_steer_methods()));
  add_fit_options(app, options);
  add_steer_method_options(app, options);
  add_eval_options(app, options);
  add_prepend_bos(app, options.bos);
  app.add_option("-o,--output",
                 options.out,
                 "fit: the folder to make; sweep: a .jsonl, and a .svg beside it")
      ->check(names_a_file);
}

}  // namespace headscope
