// headscope sae info: what a file of one says (lib/sae).
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/sae/sae_options.h"
#include "cli/verbs.h"

namespace headscope {

Verb sae_info_verb() {
  return {
      .name = "sae info",
      .summary =
          "What a sparse autoencoder is: architecture, sizes, hook point, where it came from",
      .example =
          "  headscope sae info sae5\n"
          "\n"
          "Read: SAELens directories of every version, Gemma Scope (params.npz) and sparsify.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<SaeOptions>();
        add_sae_info_options(app, *options);
        return [options, &invocation] { sae_info(*options, invocation); };
      },
  };
}

}  // namespace headscope
