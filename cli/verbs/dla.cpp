// headscope dla: which heads and MLPs write the answer straight into the logits.
#include <utility>

#include <CLI/CLI.hpp>

#include "analyses/logit_attribution/dla_run.h"
#include "analyses/sweep/task_input.h"
#include "analyses/sweep/trace_words.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/request_options.h"
#include "cli/sweep/result_view.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"

namespace headscope {
namespace {

struct DlaArguments {
  std::string model;
  std::string intervene;
  DlaRequest request;
  bool overwrite = false;
  bool per_prompt = false;
  std::size_t top = 10;
};

Result attributed(const DlaArguments& options, const Invocation& invocation) {
  const auto trace = open_trace(options.request.trace);
  const Model model = load_with(options.model, invocation.common, options.intervene);
  const Task task = task_for(model, options.request.task, options.request.task_options());
  Progress bar(static_cast<std::int64_t>(task.items.size()), {.label = "attributing"});
  std::int64_t shown = 0;
  DlaRequest request = options.request;
  request.if_exists = options.overwrite ? IfExists::replace : IfExists::fail;
  request.stop = interrupted;
  request.progress = [&](std::int64_t done, std::int64_t) {
    bar.add(done - std::exchange(shown, done));
  };
  return run_dla(
      model, task, trace.get(), request, {invocation.command_line, invocation.common.seed});
}

void run(const DlaArguments& options, const Invocation& invocation) {
  catch_interrupts();
  const Result result = attributed(options, invocation);
  show(invocation,
       result_json(result, options.per_prompt ? PerPrompt::told : PerPrompt::left_out, options.top),
       result_text(result, options.top));
}

void add_options(CLI::App& app, DlaArguments& options) {
  add_model(app, options.model);
  add_fields(app, options.request.fields());
  add_output(app, options.request.out, "The file of results to write (.h5)");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file");
  app.add_flag("--per-prompt", options.per_prompt, "Every prompt's value in --json too");
  app.add_option("--top", options.top, "Components to list")->capture_default_str();
  add_intervene(app, options.intervene);
}

}  // namespace

Verb dla_verb() {
  return {
      .name = "dla",
      .summary = "Direct logit attribution: what each head and MLP writes straight into the answer",
      .example =
          "  headscope task make ioi smollm2 -n 100 -o ioi.jsonl\n"
          "  headscope dla smollm2 --task ioi.jsonl -o dla.h5\n"
          "  headscope export dla.h5 --format png -o out/\n"
          "\n"
          "The stream at the last token is a sum of embeddings, heads, b_O and MLPs. With the "
          "divisor\nof the final norm frozen (and that of a norm after attention, as Gemma has), "
          "each one's share\nof the logits is exact, and all of them sum to the logits (before a "
          "soft-cap).\nIn 23.3 the head is 3; 23.mlp and 23.bias are that layer's MLP and b_O; "
          "embed.token and\nembed.position the embeddings; final.bias is β W_U + b_U.\n"
          "What a component does through later layers is no part of it: see path-patch and "
          "ablate.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<DlaArguments>();
        add_options(app, *options);
        return [options, &app, &invocation] {
          if (options->request.out.empty()) {
            refuse_without(app, {"overwrite"}, "-o FILE");
          }
          run(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
