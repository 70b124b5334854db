// headscope sae ablate (cli/sae/sae_ablate.cpp).
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/sae/sae_options.h"
#include "cli/verbs.h"

namespace headscope {

Verb sae_ablate_verb() {
  return {
      .name = "sae ablate",
      .summary = "What single features of a sparse autoencoder do to a task: ablated, or patched",
      .example =
          "  headscope task make ioi smollm2 -o ioi.jsonl\n"
          "  headscope sae ablate sae5 smollm2 --task ioi.jsonl\n"
          "  headscope sae ablate sae5 smollm2 --task ioi.jsonl --do patch --most 200\n"
          "\n"
          "A run of its own for every feature, many as rows of a batch: at all tokens of the clean "
          "prompt "
          "its code becomes\n"
          "0 (ablate) or that of the corrupted prompt at the same token (patch); what the "
          "autoencoder "
          "does not explain\n"
          "stays. Effect: the metric of that run minus the clean one's, mean over items with its "
          "95 % "
          "bootstrap interval.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<SaeOptions>();
        add_sae_ablate_options(app, *options);
        return [options, &invocation] { sae_ablate(*options, invocation); };
      },
  };
}

}  // namespace headscope
