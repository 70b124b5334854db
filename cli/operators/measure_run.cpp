#include "cli/operators/measure_run.h"

#include <CLI/CLI.hpp>

#include "cli/interrupt.h"
#include "hooks/provenance.h"
#include "lib/base/json.h"

namespace headscope {

void add_operator_control(CLI::App& app, std::string& control) {
  app.add_option("--control",
                 control,
                 "random: also with as many keys drawn at random for each query; none: not")
      ->check(CLI::IsMember({"random", "none"}))
      ->capture_default_str();
}

OperatorMeasureRun measure_run(const Model& model,
                               const std::vector<Prompt>& prompts,
                               const OperatorChoice& choice,
                               const OperatorTexts& texts,
                               const std::string& control,
                               const Invocation& invocation) {
  OperatorMeasureRun run{.model = model,
                         .prompts = prompts,
                         .choice = choice,
                         .out = {},
                         .provenance = provenance(model,
                                                  {.command_line = invocation.command_line,
                                                   .seed = invocation.common.seed,
                                                   .prepend_bos = texts.prompts.bos}),
                         .stop = interrupted};
  run.effects = {.control = control == "random" ? OperatorEffectsOptions::Control::random
                                                : OperatorEffectsOptions::Control::none,
                 .seed = invocation.common.seed};
  return run;
}

}  // namespace headscope
