// headscope sae eval: how good one is (analyses/sae/sae_eval.h).
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/sae/sae_options.h"
#include "cli/verbs.h"

namespace headscope {

Verb sae_eval_verb() {
  return {
      .name = "sae eval",
      .summary = "Judge a sparse autoencoder: what it leaves of activations, and of predictions",
      .example =
          "  headscope sae eval sae5 smollm2 --text other.txt\n"
          "  headscope sae eval sae5 z.h5\n"
          "\n"
          "Of rows x of the site and their reconstruction x̂:\n"
          "  L0                  mean number of codes ≠ 0\n"
          "  FVU                 Σ‖x − x̂‖² / Σ‖x − x̄‖², x̄ the mean of x over the whole set\n"
          "  explained variance  1 − FVU\n"
          "  dead                features that fired on none of these tokens\n"
          "On a model, with the site as it is (clean), zeroed, or replaced by x̂ (sae):\n"
          "  loss recovered      (CE_zero − CE_sae) / (CE_zero − CE_clean), CE the mean "
          "cross-entropy of next tokens\n"
          "  KL recovered        (KL_zero − KL_sae) / KL_zero, KL(clean ‖ changed), mean over "
          "positions",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<SaeOptions>();
        add_sae_eval_options(app, *options);
        return [options, &invocation] { sae_eval(*options, invocation); };
      },
  };
}

}  // namespace headscope
