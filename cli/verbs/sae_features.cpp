// headscope sae features (cli/sae/sae_features.cpp).
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/sae/sae_options.h"
#include "cli/verbs.h"

namespace headscope {

Verb sae_features_verb() {
  return {
      .name = "sae features",
      .summary = "Where features of a sparse autoencoder fire: contexts, densities, largest codes",
      .example =
          "  headscope sae features sae5 smollm2 --text book.txt -o features.html\n"
          "  headscope sae features sae5 smollm2 --features 17,290 --contexts 20 --json\n"
          "\n"
          "Of each feature: the share of tokens on which it fires (density), its largest code, the "
          "mean "
          "of those that are\n"
          "not 0, and the prompts in which it is largest, the token marked. Of all: the histogram "
          "of "
          "densities, and how\n"
          "many fired on no token. Without --features those that write most, Σ f·‖W_dec row‖.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<SaeOptions>();
        add_sae_features_options(app, *options);
        return [options, &invocation] { sae_features(*options, invocation); };
      },
  };
}

}  // namespace headscope
