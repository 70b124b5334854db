// headscope sae train: a sparse autoencoder learned (analyses/sae).
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/sae/sae_options.h"
#include "cli/verbs.h"

namespace headscope {

Verb sae_train_verb() {
  return {
      .name = "sae train",
      .summary = "Train sparse autoencoders on hook points of a model, or on traces of them",
      .example =
          "  headscope sae train smollm2 --site blocks.5.attn.hook_z --text book.txt -o sae5\n"
          "  headscope sae train a.h5 b.h5 --site blocks.5.attn.hook_z --arch jumprelu -o sae5\n"
          "\n"
          "One autoencoder for each --site and each --d-sae, all on one pass over the activations, "
          "whose rows are\n"
          "mixed. Minimised is Σ‖x − x̂‖² a row, plus λ Σ f·‖W_dec row‖ (standard; gated, which "
          "also\n"
          "reconstructs x by its gate alone), λ·L0 (jumprelu), or how far dead features are from "
          "making up the\n"
          "error (topk, batchtopk; Gao et al. 2024). The folder is a SAELens directory (batchtopk "
          "as jumprelu\n"
          "with one threshold), with train.jsonl beside it: a line a logged step of the batch: "
          "loss, L0, FVU, dead\n"
          "(features that fired on none of the last --dead-after tokens). Ctrl-C and kill -9 leave "
          "a checkpoint:\n"
          "--resume ends with the weights of a run never stopped (f32, --threads 1).",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<SaeOptions>();
        add_sae_train_options(app, *options);
        return [options, &invocation] { sae_train(*options, invocation); };
      },
  };
}

}  // namespace headscope
