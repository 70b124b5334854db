// headscope dla: which heads and MLPs write the answer straight into the logits.
#include <CLI/CLI.hpp>

#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/sweep/attribution_run.h"
#include "cli/sweep/result_view.h"
#include "cli/verbs.h"

namespace headscope {
namespace {

void run(const AttributionVerbOptions& options, const Invocation& invocation) {
  catch_interrupts();
  const Result result = run_attribution(options, invocation);
  show(invocation,
       result_json(result, options.per_prompt, options.top),
       result_text(result, options.top));
}

void add_options(CLI::App& app, AttributionVerbOptions& options) {
  add_model(app, options.model);
  app.add_option("--task", options.task, "A task file (headscope task make)")->required();
  add_output(app, options.out, "The file of results to write (.h5)");
  app.add_option("--run", options.run, "The run that is taken apart")
      ->check(CLI::IsMember(run_names()))
      ->capture_default_str();
  app.add_option("--trace",
                 options.trace,
                 "A trace (headscope record) of that run, read instead of run; an error says which "
                 "hook points it needs");
  app.add_option("--metric",
                 options.metric,
                 "logit_diff: mean logit of the answers less that of the wrong tokens; "
                 "answer_logit: of the answers alone")
      ->check(CLI::IsMember({"logit_diff", "answer_logit"}))
      ->default_str("logit_diff, or answer_logit if no item has wrong tokens");
  app.add_option("--batch-tokens", options.batch_tokens, "Tokens in one forward pass")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file");
  app.add_flag("--per-prompt", options.per_prompt, "Every prompt's value in --json too");
  app.add_flag("--skip-unfit", options.skip_unfit, "Leave out items that do not fit the tokenizer");
  app.add_option("--top", options.top, "Components to list")->capture_default_str();
  add_prepend_bos(app, options.bos);
  add_intervene(app, options.intervene);
}

}  // namespace

Verb dla_verb() {
  return {
      .name = "dla",
      .summary = "Direct logit attribution: what each head and MLP writes straight into the answer",
      .example =
          "  headscope task make ioi --model smollm2 -n 100 -o ioi.jsonl\n"
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
        auto options = std::make_shared<AttributionVerbOptions>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
